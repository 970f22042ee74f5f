// Runs before anything is drawn: the theme is the person's choice, else the system's.
(() => {
  const CHOICES = ["system", "light", "dark"];
  const system = window.matchMedia("(prefers-color-scheme: light)");
  const chosen = () => {
    const kept = localStorage.getItem("theme");
    return CHOICES.includes(kept) ? kept : "system";
  };
  const apply = () => {
    const choice = chosen();
    const theme = choice === "system" ? (system.matches ? "light" : "dark") : choice;
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme-switch");
    if (!button) return;
    button.textContent = `${choice[0].toUpperCase()}${choice.slice(1)} theme`;
    button.title = "Switch between the system's, the light and the dark theme";
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme-switch")) return;
    localStorage.setItem("theme", CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length]);
    apply();
  });
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    // The button comes with the page, which Dash draws later.
    new MutationObserver(() => {
      const button = document.getElementById("theme-switch");
      if (button && button.textContent === "Theme") apply();
    }).observe(document.body, { childList: true, subtree: true });
  });
})();
