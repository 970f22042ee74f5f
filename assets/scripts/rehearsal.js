// From a choice to its request Dash takes 5 to 10 ms, and 20 the first time. So it rehearses while nobody
// waits: a request that is answered here and changes nothing. When something is chosen, the like of it is sent
// at once, and Dash finds the answer under way.
(() => {
  const { sparkboard } = window;
  const WHEN_DRAWN = 300;
  // The search that is rehearsed; what was asked for it; and what is asked for before Dash does.
  let rehearsed = null;
  let learned = null;
  let ahead = null;

  const written = (search) => `"property":"search","value":${JSON.stringify(search)}`;
  // Gives a function that calls it off, which a choice does: only the newest answer counts for Dash.
  sparkboard.rehearse = (search, setProps) => {
    learned = ahead = null;
    delete document.body.dataset.rehearsed;
    const timer = setTimeout(() => {
      // Another value, or Dash would see no change.
      rehearsed = `${search}&`;
      setProps({ search: rehearsed });
    }, WHEN_DRAWN);
    return () => {
      clearTimeout(timer);
      rehearsed = null;
    };
  };
  sparkboard.askAhead = (search) => {
    if (!learned) return;
    const body = learned.body.replace(written(learned.search), () => written(search));
    const answer = sparkboard.plainFetch(learned.address, { ...learned.options, body });
    // Whoever takes it hears of a failure.
    answer.catch(() => {});
    ahead = { body, answer };
  };
  sparkboard.askedAhead = (options) => {
    if (!ahead || options?.body !== ahead.body) return undefined;
    const { answer } = ahead;
    ahead = null;
    return answer;
  };

  const plainFetch = window.fetch;
  window.fetch = (address, options) => {
    const body = options?.body;
    if (rehearsed === null || typeof body !== "string" || !body.includes(written(rehearsed))) {
      return plainFetch(address, options);
    }
    learned = { address, options, body, search: rehearsed };
    rehearsed = null;
    document.body.dataset.rehearsed = "true";
    // To Dash: nothing has changed.
    return Promise.resolve(new Response(null, { status: 204 }));
  };
})();
