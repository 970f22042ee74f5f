// The browser's side of layouts/elements.py.
(() => {
  const { createElement, useEffect, useLayoutEffect, useRef } = React;
  const { draw, early } = window.sparkboard;

  // The server has escaped every text in it.
  const Html = ({ id, className, content }) => createElement("div", {
    id, className, "data-state": content.state, dangerouslySetInnerHTML: { __html: content.html },
  });

  const Chart = ({ id, className, figure }) => {
    const host = useRef(null);
    const plot = useRef(null);
    // What is on the screen: a chart that was drawn early comes with its figure.
    const shown = useRef(null);
    const wanted = useRef(figure);
    wanted.current = figure;

    const update = async () => {
      if (!host.current?.offsetParent) return;
      if (shown.current !== wanted.current) {
        shown.current = wanted.current;
        host.current.dataset.busy = "true";
        await draw(plot.current, shown.current);
        delete host.current?.dataset.busy;
      } else if (plot.current._fullLayout.width !== plot.current.clientWidth) {
        Plotly.Plots.resize(plot.current);
      }
    };
    useLayoutEffect(() => {
      const drawn = early.get(id);
      early.delete(id);
      plot.current = host.current.appendChild(drawn ?? document.createElement("div"));
      shown.current = drawn ? figure : null;
      // Also tells when a hidden chart appears.
      const watch = new ResizeObserver(update);
      watch.observe(host.current);
      return () => {
        watch.disconnect();
        Plotly.purge(plot.current);
      };
    }, []);
    useEffect(() => { update(); }, [figure]);
    return createElement("div", { id, className, ref: host });
  };

  Object.assign(window.sparkboard, { Html, Chart });
})();
