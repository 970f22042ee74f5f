// What the page does by itself: tell when it is complete, open and close pop-ups.
(() => {
  // Answers that are awaited, or that React has not shown yet.
  let awaited = 0;
  let dimming = 0;
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
    window.revealPage();
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
      [...document.querySelectorAll(".table-twin[open]")].filter((open) => open.offsetParent).forEach(window.sparkboard.twin);
    }
  };
  let marking = 0;
  const markSoon = () => {
    cancelAnimationFrame(marking);
    marking = requestAnimationFrame(mark);
  };
  const wait = () => {
    // A quick answer comes before anything has to be dimmed.
    if (!awaited) dimming = setTimeout(() => { document.body.dataset.loading = "true"; }, 100);
    awaited += 1;
    delete document.body.dataset.ready;
  };
  const shown = () => requestAnimationFrame(() => requestAnimationFrame(() => {
    awaited -= 1;
    if (!awaited) {
      clearTimeout(dimming);
      delete document.body.dataset.loading;
    }
    markSoon();
  }));

  // What all numbers of a page have in common stands on it once.
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const define = (details) => {
    const shown = document.querySelector("#react-entry-point [data-first]")?.dataset;
    const through = document.getElementById("complete-through")?.dataset.through;
    const until = through ? `complete through ${day.format(Date.parse(through))}` : "";
    const line = details.querySelector(".interval");
    // A number may be about other days than the chosen ones.
    const chosen = shown ? `[${shown.first}, ${window.sparkboard.later(shown.last, 1)}) UTC` : "";
    const interval = line.dataset.days || chosen;
    line.textContent = [interval, until].filter(Boolean).join(", ");
    if (interval) line.prepend(Object.assign(document.createElement("strong"), { textContent: "Interval: " }));
    const rows = details.querySelector("a.rows");
    if (!rows) return;
    const asked = new URLSearchParams(window.location.search);
    if (asked.get("day") !== shown?.last) asked.delete("day");
    rows.search = asked;
    const [, creator] = window.location.pathname.match(/^\/creators\/(\d+)/) ?? [];
    if (creator) rows.pathname = rows.pathname.replace("/rows/me/", `/rows/creators/${creator}/`);
  };
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    if (event.target.matches(".table-twin")) window.sparkboard.twin(event.target);
    if (event.target.matches(".definition")) define(event.target);
  }, true);
  // Between a choice and the request that it starts, nothing else tells of it.
  const choose = () => {
    wait();
    setTimeout(shown, 300);
  };
  window.sparkboard.expect = choose;
  window.addEventListener("popstate", choose);
  const POPOVERS = "[open]:has(> .popover-body)";
  document.addEventListener("click", (event) => {
    const drop = event.target.closest("[data-drop]");
    if (drop) window.sparkboard.ask?.((asked) => asked.delete(drop.dataset.drop));
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
  window.sparkboard.plainFetch = (...request) => plainFetch(...request);
  window.fetch = async (...request) => {
    wait();
    try {
      const answer = await (window.sparkboard.askedAhead(request[1]) ?? plainFetch(...request));
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
