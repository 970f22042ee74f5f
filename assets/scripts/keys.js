// Keys for the whole page. They can be switched off: who speaks to a computer may press letters without meaning to.
(() => {
  const { sparkboard } = window;
  const OFF = "keys-off";
  const LIST = [
    ["1 – 5", "Last 7, 28, 30, 90 or 365 days, as far as the page has them"],
    ["←  →", "The days before, the days after"],
    ["T", "All charts as tables, and back"],
    ["?", "This list"],
  ];
  // Where keys have a meaning of their own.
  const OWN = "input, select, textarea, [contenteditable], .table-scroll, .twin, dialog, nav";

  const periods = () => [...document.getElementById("period")?.options ?? []]
    .map((option) => option.value).filter((value) => value !== "custom");
  const last = (days) => sparkboard.ask?.((asked) => {
    ["from", "to", "day"].forEach((part) => asked.delete(part));
    asked.set("days", days);
  });
  const shift = (way) => sparkboard.ask?.((asked) => {
    const { later } = sparkboard;
    const [first, end] = sparkboard.period();
    const days = (Date.parse(end) - Date.parse(first)) / 86_400_000 + 1;
    if (asked.has("day")) {
      asked.set("day", later(asked.get("day"), way));
      return;
    }
    const newest = document.getElementById("complete-through")?.dataset.through;
    const moved = later(end, way * days);
    const reached = moved < newest ? moved : newest;
    const usual = reached === newest && periods().includes(String(days));
    (usual ? ["from", "to"] : ["days"]).forEach((part) => asked.delete(part));
    if (usual) asked.set("days", days);
    else Object.entries({ from: later(reached, 1 - days), to: reached }).forEach(([part, day]) => asked.set(part, day));
  });
  const tables = () => {
    const all = [...document.querySelectorAll("#react-entry-point .table-twin")].filter((twin) => twin.offsetParent);
    const open = all.some((twin) => !twin.open);
    all.forEach((twin) => { twin.open = open; });
  };

  let dialog;
  const make = () => {
    dialog = document.body.appendChild(document.createElement("dialog"));
    dialog.className = "keys";
    dialog.setAttribute("aria-labelledby", "keys-title");
    dialog.innerHTML = '<h2 id="keys-title">Keyboard shortcuts</h2><dl></dl>'
      + '<label><input type="checkbox"> Shortcuts are on</label><button type="button">Close</button>';
    LIST.forEach(([key, words]) => {
      const name = dialog.querySelector("dl").appendChild(document.createElement("dt"));
      name.appendChild(document.createElement("kbd")).textContent = key;
      dialog.querySelector("dl").appendChild(document.createElement("dd")).textContent = words;
    });
    const box = dialog.querySelector("input");
    box.checked = !localStorage.getItem(OFF);
    box.addEventListener("change", () => {
      if (box.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "true");
    });
    dialog.querySelector("button").addEventListener("click", () => dialog.close());
  };
  const list = () => {
    if (!dialog) make();
    dialog.showModal();
  };

  document.addEventListener("click", ({ target }) => { if (target.closest?.("[data-keys]")) list(); });
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(OFF)) return;
    if (target.closest?.(OWN) || dialog?.open || !document.getElementById("period")) return;
    const meaning = {
      ArrowLeft: () => shift(-1), ArrowRight: () => shift(1), t: tables, T: tables, "?": list,
      ...Object.fromEntries(periods().slice(0, 5).map((days, at) => [String(at + 1), () => last(days)])),
    }[key];
    if (!meaning) return;
    event.preventDefault();
    meaning();
  });
})();
