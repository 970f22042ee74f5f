// What the page does by itself: tell when it is complete, close pop-ups, make a table of a chart.
(() => {
  // Answers that are awaited, or that React has not shown yet.
  let awaited = 0;
  const drawn = () => {
    const page = document.querySelector("#react-entry-point [data-page]");
    if (!page) return null;
    const charts = [...page.querySelectorAll(".figures .chart")].filter((chart) => chart.offsetParent);
    const done = !awaited && charts.every((chart) =>
      chart.querySelector(".main-svg .cartesianlayer") && !chart.dataset.busy);
    return done ? page.dataset.page : null;
  };
  const name = () => {
    const heading = document.querySelector("main h1");
    const title = heading ? `${heading.textContent} · Sparkboard` : document.title;
    if (document.title !== title) document.title = title;
    // dcc.Link takes no aria attributes
    document.querySelectorAll(".top nav a").forEach((link) => {
      if (link.matches(".current")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
  };
  const mark = () => {
    name();
    const page = drawn();
    const { dataset } = document.body;
    if (!page) {
      delete dataset.ready;
    } else if (dataset.page !== page || !dataset.ready) {
      dataset.page = page;
      dataset.ready = "true";
      [...document.querySelectorAll(".table-twin[open]")].filter((open) => open.offsetParent).forEach(twin);
    }
  };
  let marking = 0;
  const markSoon = () => {
    cancelAnimationFrame(marking);
    marking = requestAnimationFrame(mark);
  };
  const wait = () => {
    awaited += 1;
    document.body.dataset.loading = "true";
    delete document.body.dataset.ready;
  };
  const shown = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    awaited -= 1;
    if (!awaited) delete document.body.dataset.loading;
    markSoon();
  }));

  // The twin shows the very numbers that the chart was given.
  const written = {
    money: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }),
    count: new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 }),
    percent: new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  };
  const text = (value, unit) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "—";
    if (typeof value === "string") return value;
    return written[unit].format(value) + (unit === "percent" ? "%" : "");
  };
  // A band has two ends, and a compared line has days of its own.
  const columns = (trace, values) => {
    const unit = trace.meta?.unit ?? "count";
    if (Array.isArray(trace.base)) {
      const ends = trace.meta.ends ?? ["usual from", "usual to"];
      return [
        { name: ends[0], cells: trace.base, unit },
        { name: ends[1], cells: trace.customdata, unit },
      ];
    }
    const own = { name: trace.name, cells: values, unit };
    return trace.customdata ? [{ name: "compared day", cells: trace.customdata, unit }, own] : [own];
  };
  // What layouts/figures.py escapes for plotly.
  const plain = (label) => String(label).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const row = (parent, cells, kind) => {
    const line = parent.appendChild(document.createElement("tr"));
    cells.forEach((content, index) => {
      const cell = line.appendChild(document.createElement(index === 0 ? "th" : kind));
      cell.textContent = content;
      if (cell.matches("th")) cell.scope = kind === "th" ? "col" : "row";
      if (index > 0) cell.className = "number";
    });
  };
  const twin = (details) => {
    const card = details.closest("[data-figure]");
    const graph = card.querySelector(".js-plotly-plot");
    const traces = graph.data.filter((trace) => trace.x && trace.visible !== false);
    const sideways = traces.some((trace) => trace.orientation === "h");
    const [rows, cells] = sideways ? ["y", "x"] : ["x", "y"];
    // Lines of one chart may have days of their own, as a forecast has.
    const shown = traces.flatMap((trace) => columns(trace, trace[cells]).map((column) => ({
      ...column, at: new Map(trace[rows].map((key, index) => [key, column.cells[index]])),
    })));
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.className = "unseen";
    caption.textContent = card.querySelector("h2").textContent;
    row(table.createTHead(), [graph.layout.meta?.rows ?? "", ...shown.map((column) => column.name)], "th");
    const body = table.createTBody();
    new Set(traces.flatMap((trace) => trace[rows])).forEach((key) => {
      row(body, [plain(key), ...shown.map(({ at, unit }) => text(at.get(key), unit))], "td");
    });
    const box = details.querySelector(".twin");
    box.setAttribute("aria-label", `Table: ${caption.textContent}`);
    box.replaceChildren(table);
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches(".table-twin")) twin(event.target);
  }, true);
  // Between a choice and the request that it starts, nothing else tells of it.
  const choose = () => {
    wait();
    setTimeout(shown, 300);
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches(".bar select")) choose();
  });
  window.addEventListener("popstate", choose);
  const POPOVERS = "[open]:has(> .popover-body)";
  document.addEventListener("click", (event) => {
    document.querySelectorAll(POPOVERS).forEach((open) => {
      if (!open.contains(event.target) || event.target.matches("a")) open.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll(POPOVERS).forEach((open) => {
      open.open = false;
      open.querySelector("summary").focus();
    });
  });

  // A session that has ended answers 401: sign in again and come back here.
  const plainFetch = window.fetch;
  window.fetch = async (...request) => {
    wait();
    try {
      const answer = await plainFetch(...request);
      if (answer.status === 401) {
        window.location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      }
      if (answer.status >= 500) sayFailed();
      return answer;
    } catch (error) {
      if (error.name !== "AbortError") sayFailed();
      throw error;
    } finally {
      shown();
    }
  };

  new MutationObserver(markSoon).observe(document.getElementById("react-entry-point"), {
    childList: true,
    subtree: true,
    attributeFilter: ["data-busy"],
  });
})();
