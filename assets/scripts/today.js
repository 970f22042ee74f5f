// Today so far, on a page that stays open: asked for again as long as somebody looks at it.
(() => {
  const EVERY = 10_000;
  const PATHS = { overview: "/", "my-dashboard": "/me" };
  // Of the page that is open: what it was given last, by id.
  let open = null;
  let shown = new Map();
  let asked = Date.now();

  const show = (parts) => {
    for (const [id, properties] of Object.entries(parts)) {
      const text = JSON.stringify(properties);
      if (document.getElementById(id) && shown.get(id) !== text) {
        shown.set(id, text);
        window.dash_clientside.set_props(id, properties);
      }
    }
    // A table that is open follows its chart.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      document.querySelectorAll("[data-figure=today] .table-twin[open]").forEach(window.sparkboard.twin);
    }));
  };
  const ask = () => {
    const page = document.querySelector("#react-entry-point [data-live]");
    // Not where the page shows what was known on an earlier day, or somebody else's.
    if (!page || window.location.pathname !== PATHS[page.dataset.live]) return;
    if (new URLSearchParams(window.location.search).has("known")) return;
    if (document.hidden || !document.body.dataset.ready || Date.now() - asked < EVERY) return;
    asked = Date.now();
    if (page !== open) [open, shown] = [page, new Map()];
    // Not fetch: the page is complete meanwhile, and a failure is made good by the next time.
    const request = new XMLHttpRequest();
    request.open("GET", `/_dash-live/${page.dataset.live}`);
    request.timeout = EVERY;
    request.onload = () => {
      if (request.status === 401) {
        window.location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      }
      if (request.status === 200 && page === open) show(JSON.parse(request.responseText));
    };
    request.send();
  };
  setInterval(ask, 1000);
})();
