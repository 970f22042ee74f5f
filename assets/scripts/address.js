// The period in the address and in the controls: a link sets the controls, the controls set the link.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  sparkboard: {
    syncAddress(search, days, compare) {
      const { callback_context: context, no_update: keep } = window.dash_clientside;
      const asked = new URLSearchParams(search || "");
      if (context.triggered.some((t) => t.prop_id.startsWith("period.") || t.prop_id.startsWith("compare."))) {
        asked.set("days", days);
        asked.set("compare", compare);
        return [`?${asked}`, keep, keep];
      }
      // What a link leaves open is the usual, as on the server.
      const usual = document.querySelector(".bar").dataset;
      const choice = (name) => {
        const known = [...document.querySelectorAll(`#${name} option`)].map((option) => option.value);
        const wanted = asked.get(name === "period" ? "days" : name);
        return known.includes(wanted) ? wanted : usual[name];
      };
      return [keep, choice("period"), choice("compare")];
    },
  },
});
