/** The newest items, as the stream's option `snapshot` wants them. */

const ITEMS = 200; // of a page of the snapshot, at most
const ENOUGH = 100; // rows, for which so many pages are read at most:
const PAGES = 5;

/**
 * → rows, the oldest first. Where the table cannot be read, the history is the start, unless the snapshot is asked for in
 * place of a stream (`alone`). A page may be short, even empty, and name a cursor behind which more is found.
 */
export async function snapshotOf({ signal, tickers }, alone) {
  const from = new URL(`api/v2/sentiment?limit=${ITEMS}`, document.baseURI);
  if (tickers) from.searchParams.set("tickers", tickers);
  const found = [];
  for (let page = 0; page < PAGES && found.length < ENOUGH; page++) {
    const answer = await fetch(from, { signal, cache: "no-store" });
    if (!answer.ok && alone) throw new Error(`status ${answer.status}`);
    if (!answer.ok) break;
    const { items, cursor } = await answer.json();
    found.push(...items);
    if (cursor === null) break;
    from.searchParams.set("cursor", cursor);
  }
  return found.reverse();
}

/** Rows → items as the client has them: an item's rows, one for each ticker, become one item. */
export function itemsOf(rows) {
  const items = new Map();
  for (const { ticker, version, ...shown } of rows) {
    const key = JSON.stringify([shown.source_id, shown.timestamp]);
    const item = items.get(key) ?? { ...shown, key, tickers: new Map() };
    item.tickers.set(ticker, version);
    items.set(key, item);
  }
  return items.values();
}
