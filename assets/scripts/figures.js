// What a chart can do beside being looked at: its table, its numbers as a file, itself as a picture, and clicks.
(() => {
  const { sparkboard } = window;

  // ---- the numbers that the chart was given ----

  const written = {
    money: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }),
    count: new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 }),
    percent: new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  };
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);
  const text = (value, unit) => {
    if (missing(value)) return "—";
    if (typeof value === "string") return value;
    return written[unit].format(value) + (unit === "percent" ? "%" : "");
  };
  // A band has two ends, and a compared line has days of its own.
  const columns = (trace, values) => {
    const unit = trace.meta?.unit ?? "count";
    if (Array.isArray(trace.base) && trace.customdata) {
      const ends = trace.meta?.ends ?? ["usual from", "usual to"];
      return [
        { name: ends[0], cells: trace.base, unit },
        { name: ends[1], cells: trace.customdata, unit },
      ];
    }
    const own = { name: trace.name, cells: trace.meta?.cells ?? values, unit };
    return trace.customdata ? [{ name: "compared day", cells: trace.customdata, unit }, own] : [own];
  };
  // What layouts/figures.py escapes for plotly.
  const plain = (label) => String(label).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const tableOf = (card) => {
    const { data, layout } = card.querySelector(".js-plotly-plot");
    const traces = data.filter((trace) => trace.x && trace.visible !== false);
    const title = card.querySelector("h2").textContent;
    const meta = layout.meta ?? {};
    const named = traces.find((trace) => trace.meta?.names);
    if (named) {
      // A row a point. Objects, since two may have the same name.
      const keys = named.meta.names.map(Object);
      const column = (name, cells, unit) => ({ name, unit, at: new Map(keys.map((key, index) => [key, cells[index]])) });
      const { across, unit } = named.meta;
      return { title, meta, shown: [column(across, named.x, "count"), column(named.name, named.y, unit)], keys };
    }
    const sideways = traces.some((trace) => trace.orientation === "h");
    const [rows, cells] = sideways ? ["y", "x"] : ["x", "y"];
    // Lines of one chart may have days of their own, as a forecast has.
    const shown = traces.flatMap((trace) => columns(trace, trace[cells]).map((column) => ({
      ...column, at: new Map(trace[rows].map((key, index) => [key, column.cells[index]])),
    })));
    return {
      title,
      meta,
      shown,
      keys: [...new Set(traces.flatMap((trace) => trace[rows]))],
    };
  };

  // ---- clicks ----

  // The first click narrows the page, the second lets go.
  const pick = (part, value) => sparkboard.ask?.((asked) => {
    if (asked.get(part) === value) asked.delete(part);
    else asked.set(part, value);
  });
  const valueOf = (meta, key, index) => {
    if (meta.keys) return meta.keys[index];
    const day = String(key).slice(0, 10);
    // What is expected of later days is no number of theirs.
    return day <= document.getElementById("complete-through")?.dataset.through ? day : undefined;
  };
  sparkboard.listen = (plot) => {
    if (plot.dataset.listens) return;
    plot.dataset.listens = "true";
    plot.on("plotly_click", ({ points: [point] }) => {
      const { meta } = plot.layout;
      const link = meta?.links?.[point.pointNumber];
      if (link) window.location.assign(link);
      const value = meta?.part && valueOf(meta, point.x, point.pointNumber);
      if (value) pick(meta.part, value);
    });
  };

  // ---- as a table ----

  const row = (parent, cells, kind) => {
    const line = parent.appendChild(document.createElement("tr"));
    cells.forEach((content, index) => {
      const cell = line.appendChild(document.createElement(index === 0 ? "th" : kind));
      cell.append(content);
      if (cell.matches("th")) cell.scope = kind === "th" ? "col" : "row";
      if (index > 0) cell.className = "number";
    });
  };
  // What a click in the chart does, for those who don't click in charts.
  const heading = ({ meta }, key, index) => {
    const value = meta.part && valueOf(meta, key, index);
    if (!value) return plain(key);
    const button = Object.assign(document.createElement("button"), {
      type: "button", className: "pick", textContent: plain(key), title: "Show only this",
    });
    button.ariaPressed = String(new URLSearchParams(window.location.search).get(meta.part) === value);
    button.addEventListener("click", () => pick(meta.part, value));
    return button;
  };
  sparkboard.twin = (details) => {
    const card = details.closest("[data-figure]");
    // Where there is no chart there is no table; one that is still to be drawn fills it then.
    if (!card.querySelector(".js-plotly-plot")) return;
    const found = tableOf(card);
    const { title, meta, shown, keys } = found;
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.className = "unseen";
    caption.textContent = title;
    row(table.createTHead(), [meta.rows ?? "", ...shown.map((column) => column.name)], "th");
    const body = table.createTBody();
    keys.forEach((key, index) => {
      row(body, [heading(found, key, index), ...shown.map(({ at, unit }) => text(at.get(key), unit))], "td");
    });
    const box = details.querySelector(".twin");
    box.setAttribute("aria-label", `Table: ${title}`);
    box.replaceChildren(table);
  };

  // ---- as files ----

  // As layouts/exports.py does it: what a spreadsheet would compute gets a ' before it.
  const FORMULA = /(^|[;\t\r\n])([\s"'‘’“”`\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]*)([=+\-@＝＋－＠])/g;
  const cell = (value) => {
    if (missing(value)) return "";
    if (typeof value === "number") return String(value);
    const harmless = value.replace(FORMULA, "$1'$2$3").replace(/^[\t\r\n]/, "'$&");
    return `"${harmless.replaceAll('"', '""')}"`;
  };
  const facts = () => {
    const [first, last] = sparkboard.period();
    return {
      first, last, through: document.getElementById("complete-through")?.dataset.through ?? "",
      period: document.querySelector("#react-entry-point .period-line > span")?.textContent ?? "",
      page: document.querySelector("main h1").textContent,
    };
  };
  const csv = (card) => {
    const { title, meta, shown, keys } = tableOf(card);
    const { first, last, through, period, page } = facts();
    return [
      ["Figure", title],
      ["Page", page],
      ["Shown", period],
      ["From (UTC, included)", first],
      ["To (UTC, not included)", sparkboard.later(last, 1)],
      ["Complete through (UTC)", through],
      ["Rows", keys.length],
      [],
      [meta.rows ?? "", ...shown.map((column) => column.name)],
      ...keys.map((key) => [plain(key), ...shown.map(({ at }) => at.get(key))]),
    ].map((line) => line.map(cell).join(",")).join("\r\n");
  };

  const DRAWN = { "#00d4ff": "--cyan", "#10b981": "--green", "#8b5cf6": "--violet", "#ff6b6b": "--coral" };
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(", ");
  // The theme's colours, as plotly reads them.
  const colour = (name) => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    return pen.fillStyle;
  };
  const themed = (figure) => {
    let json = JSON.stringify(figure);
    Object.entries(DRAWN).forEach(([drawn, name]) => {
      json = json.replaceAll(drawn, colour(name)).replaceAll(`rgba(${parts(drawn)}`, `rgba(${parts(colour(name))}`);
    });
    return JSON.parse(json);
  };
  const picture = async (card) => {
    const plot = card.querySelector(".js-plotly-plot");
    const { period, page, through } = facts();
    const { data, layout } = themed({ data: plot.data, layout: plot.layout });
    // For a slide, also from a phone.
    const [width, height] = [Math.max(plot.clientWidth, 960), plot.clientHeight + 84];
    const escaped = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const line = (words, size, at) => ({
      text: escaped(words), showarrow: false, xref: "paper", yref: "paper", x: 0, xanchor: "left", ...at,
      font: { size, color: colour("--text") },
    });
    const grid = { gridcolor: colour("--grid") };
    const { l = 52, r = 12, t = 36, b = 28 } = layout.margin ?? {};
    const image = await Plotly.toImage({
      data,
      layout: {
        ...layout, width, height,
        margin: { l, r, t: t + 44, b: b + 40 },
        paper_bgcolor: colour("--page-end"),
        font: { ...layout.font, color: colour("--muted") },
        xaxis: { ...layout.xaxis, ...grid },
        yaxis: { ...layout.yaxis, ...grid },
        annotations: [
          ...layout.annotations ?? [],
          line(card.querySelector("h2").textContent, 16, { y: 1, yanchor: "bottom", yshift: t + 8 }),
          line(`Sparkboard · ${page} · ${period || `complete through ${through}`} · UTC`, 11,
            { y: 0, yanchor: "top", yshift: -b - 8 }),
        ],
      },
    }, { format: "svg", width, height });
    // The policy of our pages lets pictures be data, and nothing else.
    const drawn = new Image();
    drawn.src = image;
    await drawn.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
  };
  const save = (file, card, ending) => {
    const { first, last } = facts();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `sparkboard-${document.body.dataset.page}-${card.dataset.figure}-${first}-to-${last}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  document.addEventListener("click", async ({ target }) => {
    const ending = target.closest?.("[data-save]")?.dataset.save;
    if (!ending) return;
    const card = target.closest("[data-figure]");
    // Excel reads another encoding without the mark at the start.
    const file = ending === "csv" ? new Blob(["\ufeff", csv(card)], { type: "text/csv" }) : await picture(card);
    save(file, card, ending);
  });
})();
