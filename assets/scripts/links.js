// Links and searches that ask the same page for something else: without loading it again.
(() => {
  const { sparkboard } = window;

  const go = (event, wanted) => {
    if (!sparkboard.ask) return;
    event.preventDefault();
    sparkboard.ask((asked) => {
      [...asked.keys()].forEach((name) => asked.delete(name));
      new URLSearchParams(wanted).forEach((value, name) => { if (value) asked.set(name, value); });
    });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('main a[href^="?"]');
    const plain = !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (link && plain) go(event, link.search);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches('main form[role="search"]')) go(event, new FormData(event.target));
  });
})();
