/**
 * Runs while the page is still read: sets what would otherwise change under the reader's eyes, and asks for the first
 * rows, unless another tab has them already.
 */
(() => {
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  const tickers = (query.get("tickers") ?? "").toUpperCase().split(/[\s,]+/).filter(Boolean);
  root.style.setProperty("--rows", tickers.length ? Math.min(12, Math.max(3, tickers.length)) : 12);
  root.toggleAttribute("data-few", tickers.length > 0 && tickers.length <= 6);
  if (query.get("embed")) root.dataset.embed = query.get("embed");
  root.toggleAttribute("data-filtered", ["tickers", "label", "min_score", "source", "q"].some((name) => query.get(name)));
  try {
    const { theme, density } = JSON.parse(localStorage.getItem("sentiment.preferences")) ?? {};
    if (theme) root.dataset.theme = theme;
    if (density) root.dataset.density = density;
  } catch {
    // nothing is kept, or may be
  }
  /** The answer, or null where nobody asked. */
  async function ask() {
    if (query.has("watchlist") || tickers.some((ticker) => !/^[A-Z0-9.^=-]{1,12}$/.test(ticker))) return null;
    const { held } = (await navigator.locks?.query()) ?? { held: [] };
    if (held.some(({ name }) => name === "sentiment dashboard")) return null;
    const url = new URL("api/v2/sentiment?limit=200", document.baseURI);
    if (tickers.length) url.searchParams.set("tickers", tickers);
    const answer = await fetch(url, { cache: "no-store" });
    return answer.ok ? answer.json() : null;
  }
  window.firstRows = ask().catch(() => null);
})();
