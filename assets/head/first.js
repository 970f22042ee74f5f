// Runs before anything is drawn: the theme, and what is loaded once the first view is on the screen.
(() => {
  const CHOICES = ["system", "light", "dark"];
  const system = window.matchMedia("(prefers-color-scheme: light)");
  // The person's choice comes with the page, from a cookie: to ask the browser's storage would hold up the first paint.
  const { dataset: root } = document.documentElement;
  if (!CHOICES.includes(root.choice)) root.choice = "system";
  const apply = () => {
    root.theme = root.choice === "system" ? (system.matches ? "light" : "dark") : root.choice;
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme-switch")) return;
    // The button's words are in the style sheet.
    root.choice = CHOICES[(CHOICES.indexOf(root.choice) + 1) % CHOICES.length];
    document.cookie = `theme=${root.choice}; path=/; max-age=31536000; samesite=lax`;
    apply();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // What is on the screen stays; a line says that it could not be brought up to date.
  window.sayFailed = () => {
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

  // On a phone the menu is wider than the screen: the page's own name comes into view, once.
  window.revealPage = () => {
    for (const link of document.querySelectorAll(".top nav a.current")) {
      const menu = link.parentElement;
      if (menu.revealed === link || !menu.clientWidth) continue;
      menu.revealed = link;
      const [at, frame] = [link.getBoundingClientRect(), menu.getBoundingClientRect()];
      const hidden = at.left < frame.left || at.right > frame.right;
      if (hidden) menu.scrollLeft += at.left - frame.left - (frame.width - at.width) / 2;
    }
  };

  // Scripts keep the screen waiting: the numbers come first, then the charts, then Dash.
  const painted = () => new Promise((resolve) => {
    if (document.hidden) resolve();
    else requestAnimationFrame(() => setTimeout(resolve));
  });
  // The font is there before the first frame; where it was kept from a visit before, so were the scripts.
  const visitedBefore = () => performance.getEntriesByType("resource").some((file) => file.transferSize === 0);
  const load = async (link) => {
    const script = document.createElement("script");
    script.src = link.href;
    await new Promise((resolve) => {
      script.onload = resolve;
      script.onerror = window.sayFailed;
      document.head.append(script);
    });
  };
  document.addEventListener("DOMContentLoaded", async () => {
    requestAnimationFrame(window.revealPage);
    const charts = document.getElementById("charts-script");
    const dash = document.getElementById("dash-script");
    const { dataset } = document.documentElement;
    if (charts) {
      await painted();
      // What is new has to be read, and would take the processor from what is being written to the screen.
      if (!visitedBefore()) {
        await painted();
        await painted();
      }
      await load(charts);
      // Fetched while the charts are drawn.
      dash.rel = "preload";
      await window.sparkboard.drawFirst();
      await painted();
      await load(dash);
      // A picture of this kind is a document of its own: before, the first frame would wait for it.
      const icon = document.querySelector("[data-later]");
      icon.href = icon.dataset.later;
    }
    dataset.settled = "true";
  });
})();
