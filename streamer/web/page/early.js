/** Runs before the first drawing, so that the page does not change its colours or its heights while it is looked at. */
(() => {
  const root = document.documentElement;
  try {
    const { theme, density } = JSON.parse(localStorage.getItem("sentiment.preferences")) ?? {};
    if (theme) root.dataset.theme = theme;
    if (density) root.dataset.density = density;
  } catch {
    // nothing is kept, or may be
  }
  const tickers = new URLSearchParams(location.search).get("tickers")?.split(",").length ?? 12;
  root.style.setProperty("--rows", Math.min(12, Math.max(3, tickers)));
})();
