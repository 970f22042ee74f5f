// The browser's side of layouts/elements.py.
(() => {
  const { createElement, useEffect, useLayoutEffect, useRef } = React;
  const { sparkboard } = window;
  const { draw, early } = sparkboard;

  // First and last day on the screen.
  sparkboard.period = () => {
    const line = document.querySelector("#react-entry-point [data-first]");
    if (line) return [line.dataset.first, line.dataset.last];
    // Not every page says it; then it is what the address asks for.
    const last = document.getElementById("complete-through")?.dataset.through ?? "";
    const asked = new URLSearchParams(window.location.search);
    const [from, to] = ["from", "to"].map((end) => sparkboard.later(asked.get(end), 0));
    if (from && from <= to && from <= last) return [from, to < last ? to : last];
    const days = Number(document.getElementById("period")?.value) || 30;
    return [sparkboard.later(last, 1 - days), last];
  };
  // So many days later than an ISO date.
  sparkboard.later = (day, days) => {
    const time = Date.parse(day) + days * 86_400_000;
    return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10);
  };

  // The server has escaped every text in it. What had the focus keeps it when its like comes in its place.
  const Html = ({ id, className, content }) => {
    const host = useRef(null);
    const focused = host.current?.contains(document.activeElement) ? document.activeElement.id : "";
    useLayoutEffect(() => {
      if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    }, [content]);
    return createElement("div", {
      ref: host, id, className, "data-state": content.state, dangerouslySetInnerHTML: { __html: content.html },
    });
  };

  // The same on every page, whatever its numbers.
  const Fixed = ({ className, content }) => createElement("div", {
    className, dangerouslySetInnerHTML: { __html: content },
  });

  // A link sets the controls, the controls set the link; the page's callback hears of both at once.
  const Selection = ({ id, controls, usual, path, setProps }) => {
    const host = useRef(null);
    useEffect(() => {
      const { pathname } = window.location;
      const part = (name) => host.current.querySelector(`[name="${name}"]`);
      const selects = [...host.current.querySelectorAll("select")];
      const dates = host.current.querySelector(".dates");
      const links = host.current.querySelectorAll("a");
      let shown = window.location.search;
      const callOff = sparkboard.rehearse(path + shown, setProps);
      const follow = () => {
        if (window.location.pathname !== pathname) return;
        const { search } = window.location;
        const asked = new URLSearchParams(search);
        const own = asked.has("from") || asked.has("to");
        if (dates) dates.hidden = !own;
        for (const end of dates && own ? ["from", "to"] : []) {
          Object.assign(part(end), { type: "date", value: asked.get(end) ?? "" });
        }
        selects.forEach((select) => {
          const known = [...select.options].map((option) => option.value);
          const wanted = select.name === "days" && own ? "custom" : asked.get(select.name);
          // What a link leaves open is the usual, as on the server.
          select.value = known.includes(wanted) ? wanted : usual[select.name];
        });
        if (search === shown) return;
        shown = search;
        links.forEach((link) => { link.search = search; });
        callOff();
        sparkboard.askAhead(path + search);
        setProps({ search: path + search });
      };
      // Whatever changes what is asked for comes through here: controls, keys, clicks in charts.
      const ask = (change) => {
        const asked = new URLSearchParams(window.location.search);
        change(asked);
        sparkboard.expect();
        window.history.pushState(null, "", asked.size ? `?${asked}` : pathname);
        follow();
      };
      const choose = ({ target }) => ask((asked) => {
        if (part("days")?.value === "custom") {
          // It begins as what is on the screen.
          const [first, last] = sparkboard.period();
          asked.delete("days");
          asked.set("from", target.name === "days" ? first : part("from").value);
          asked.set("to", target.name === "days" ? last : part("to").value);
        } else if (part("days")) {
          asked.delete("from");
          asked.delete("to");
          asked.set("days", part("days").value);
        }
        selects.forEach(({ name, value }) => { if (name !== "days") asked.set(name, value); });
      });
      let typing = 0;
      const changed = (event) => {
        clearTimeout(typing);
        if (event.target.type !== "date") choose(event);
        // Each digit of a date is a change.
        else if (part("from").validity.valid && part("to").validity.valid) typing = setTimeout(choose, 500, event);
      };
      host.current.addEventListener("change", changed);
      // Back and forward; and dcc.Link.
      const moves = ["popstate", "_dashprivate_pushstate"];
      moves.forEach((move) => window.addEventListener(move, follow));
      sparkboard.ask = ask;
      return () => {
        clearTimeout(typing);
        callOff();
        moves.forEach((move) => window.removeEventListener(move, follow));
        if (sparkboard.ask === ask) delete sparkboard.ask;
      };
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

    const onScreen = () => Boolean(host.current?.offsetParent);
    const update = async (visible) => {
      if (!visible) return;
      if (shown.current !== wanted.current) {
        // The running day's next minute leaves the page complete.
        if (!shown.current || !wanted.current.layout.meta?.live) host.current.dataset.busy = "true";
        shown.current = wanted.current;
        await draw(plot.current, shown.current);
        if (plot.current.on) sparkboard.listen(plot.current);
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
      if (drawn) sparkboard.listen(drawn);
      // Also tells when a hidden chart appears.
      const watch = new ResizeObserver(() => update(onScreen()));
      watch.observe(host.current);
      return () => {
        watch.disconnect();
        Plotly.purge(plot.current);
      };
    }, []);
    // Of all charts before the first of them is drawn: after that, to look costs laying out the whole page.
    const visible = useRef(false);
    useLayoutEffect(() => { visible.current = onScreen(); }, [figure]);
    // Of another period, some charts are as they were: to draw them again would take as long.
    useEffect(() => {
      if (shown.current && JSON.stringify(shown.current) === JSON.stringify(figure)) shown.current = figure;
      else update(visible.current);
    }, [figure]);
    return createElement("div", { id, className, ref: host });
  };

  Object.assign(sparkboard, { Html, Fixed, Selection, Chart });
})();
