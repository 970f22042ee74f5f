// Charts as they first appear: drawn as soon as plotly is there. Dash takes them over when it starts.
window.sparkboard = (() => {
  const CONFIG = { displayModeBar: false };
  const early = new Map();

  // plotly writes into what it is given.
  const draw = (plot, figure) => {
    const { data, layout } = structuredClone(figure);
    return Plotly.react(plot, data, layout, CONFIG);
  };
  const charts = function* (node) {
    if (Array.isArray(node)) for (const child of node) yield* charts(child);
    else if (node?.type === "Chart") yield node.props;
    else if (node?.props) yield* charts(node.props.children);
  };
  const drawFirst = async () => {
    const layout = JSON.parse(document.getElementById("first-layout").textContent);
    for (const { id, figure } of charts(layout)) {
      const box = document.getElementById(id);
      if (!box.offsetParent) continue;
      const plot = box.appendChild(document.createElement("div"));
      early.set(id, plot);
      // All before the next frame: each frame between would cost as much as a chart.
      await draw(plot, figure);
    }
  };
  return { draw, drawFirst, early };
})();
