// The browser's side of layouts/elements.py.
(() => {
  const { createElement, useEffect, useLayoutEffect, useRef } = React;
  const { draw, early } = window.sparkboard;

  // The server has escaped every text in it.
  const Html = ({ id, className, content }) => createElement("div", {
    id, className, "data-state": content.state, dangerouslySetInnerHTML: { __html: content.html },
  });

  // A link sets the controls, the controls set the link; the page's callback hears of both at once.
  const Selection = ({ id, controls, usual, setProps }) => {
    const host = useRef(null);
    useEffect(() => {
      const { pathname } = window.location;
      const selects = [...host.current.querySelectorAll("select")];
      const links = host.current.querySelectorAll("a");
      let shown = window.location.search;
      const show = (search) => {
        if (search === shown) return;
        shown = search;
        links.forEach((link) => { link.search = search; });
        setProps({ search });
      };
      const choose = () => {
        const asked = new URLSearchParams(window.location.search);
        selects.forEach(({ name, value }) => asked.set(name, value));
        window.history.pushState(null, "", `?${asked}`);
        show(`?${asked}`);
      };
      const follow = () => {
        if (window.location.pathname !== pathname) return;
        const asked = new URLSearchParams(window.location.search);
        selects.forEach((select) => {
          const known = [...select.options].map((option) => option.value);
          const wanted = asked.get(select.name);
          // What a link leaves open is the usual, as on the server.
          select.value = known.includes(wanted) ? wanted : usual[select.name];
        });
        show(window.location.search);
      };
      host.current.addEventListener("change", choose);
      // Back and forward; and dcc.Link.
      const moves = ["popstate", "_dashprivate_pushstate"];
      moves.forEach((move) => window.addEventListener(move, follow));
      return () => moves.forEach((move) => window.removeEventListener(move, follow));
    }, []);
    return createElement("div", { id, className: "controls", ref: host, dangerouslySetInnerHTML: { __html: controls } });
  };

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
        // The running day's next minute leaves the page complete.
        if (!shown.current || !wanted.current.layout.meta?.live) host.current.dataset.busy = "true";
        shown.current = wanted.current;
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

  Object.assign(window.sparkboard, { Html, Selection, Chart });
})();
