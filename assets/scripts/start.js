// The first answer carries the page as HTML and, for Dash, its layout: no further request is needed.
(() => {
  const given = {
    "/_dash-layout": document.getElementById("first-layout"),
    "/_dash-dependencies": document.getElementById("first-dependencies"),
  };
  const plainFetch = window.fetch;
  window.fetch = (address, ...rest) => {
    const block = given[new URL(address.url ?? address, location.href).pathname];
    if (!block) return plainFetch(address, ...rest);
    return Promise.resolve(new Response(block.textContent, { headers: { "Content-Type": "application/json" } }));
  };

  // Both look alike, so they change places between two frames.
  const first = document.getElementById("first-view");
  const entry = document.getElementById("react-entry-point");
  const watch = new MutationObserver(() => {
    if (!entry.querySelector("[data-page]")) return;
    watch.disconnect();
    entry.hidden = false;
    first.remove();
    window.revealPage();
  });
  watch.observe(entry, { childList: true, subtree: true });
})();
