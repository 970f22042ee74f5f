// What the page does by itself: tell when it is complete, close pop-ups, make a table of a chart.
(() => {
  const drawn = () => {
    const page = document.querySelector("[data-page]:not(body)");
    if (!page) return null;
    const charts = [...page.querySelectorAll(".chart")];
    const done = !page.querySelector(".skeleton")
      && charts.every((chart) => chart.querySelector(".main-svg .plot, .main-svg .cartesianlayer"));
    return done ? page.dataset.page : null;
  };
  const mark = () => {
    const page = drawn();
    const body = document.body;
    if (page && body.dataset.page === page && body.dataset.ready) return;
    if (page) {
      body.dataset.page = page;
      body.dataset.ready = "true";
    } else {
      delete body.dataset.ready;
    }
  };

  // The twin shows the very numbers that the chart was given.
  const twin = (details) => {
    const graph = details.closest("[data-figure]").querySelector(".js-plotly-plot");
    const traces = graph.data.filter((trace) => trace.x && trace.visible !== false);
    const sideways = traces.some((trace) => trace.orientation === "h");
    const keys = [...traces[0][sideways ? "y" : "x"]];
    const table = document.createElement("table");
    const row = (parent, cells, kind) => {
      const line = parent.appendChild(document.createElement("tr"));
      cells.forEach((text, index) => {
        const cell = line.appendChild(document.createElement(index === 0 ? "th" : kind));
        cell.textContent = text;
        if (index > 0) cell.className = "number";
      });
    };
    row(table.createTHead(), ["", ...traces.map((trace) => trace.name)], "th");
    const body = table.createTBody();
    const text = (value) => (value === null || value === undefined || Number.isNaN(value)
      ? "—" : value.toLocaleString("en-US", { maximumFractionDigits: 2 }));
    keys.forEach((key, index) => {
      row(body, [key, ...traces.map((trace) => text(trace[sideways ? "x" : "y"][index]))], "td");
    });
    details.querySelector(".twin").replaceChildren(table);
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches(".table-twin")) twin(event.target);
  }, true);
  document.addEventListener("click", (event) => {
    document.querySelectorAll(".definition[open]").forEach((open) => {
      if (!open.contains(event.target)) open.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll(".definition[open]").forEach((open) => {
      open.open = false;
      open.querySelector("summary").focus();
    });
  });

  // What was on screen stays; a line says that it could not be brought up to date.
  const failed = () => {
    if (document.querySelector(".load-failed")) return;
    const line = document.createElement("p");
    line.className = "load-failed";
    line.setAttribute("role", "alert");
    line.append("The numbers could not be loaded. ");
    const again = line.appendChild(document.createElement("a"));
    again.href = location.href;
    again.textContent = "Try again";
    document.body.prepend(line);
  };

  // A session that has ended answers 401: sign in again and come back here.
  const plainFetch = window.fetch;
  window.fetch = async (...request) => {
    try {
      const answer = await plainFetch(...request);
      if (answer.status === 401) {
        window.location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      }
      if (answer.status >= 500) failed();
      return answer;
    } catch (error) {
      if (error.name !== "AbortError") failed();
      throw error;
    }
  };

  new MutationObserver(mark).observe(document.documentElement, { childList: true, subtree: true });
  mark();
})();
