/** Shows the first rows (early.js has asked for them) as soon as these few modules are loaded; main.js goes on with them. */

import { admits, parseAddress } from "./address.js";
import { FeedView } from "./feed.js";
import { Items } from "./items.js";
import { Preferences } from "./preferences.js";
import { itemsOf } from "./snapshot.js";

const byId = (id) => document.getElementById(id);

export const preferences = new Preferences();
export const feed = new FeedView(byId("feed"), byId("feed-row"), byId("scroller"));
export const items = new Items();
const { search } = location;

globalThis.firstRows.then((answer) => {
  if (!answer || items.size || location.search !== search) return; // the stream has its own, or the reader went on
  items.replace(itemsOf(answer.items.toReversed()), Date.now());
  const { view } = parseAddress(search);
  feed.show([...items.values()].filter((item) => admits(view, item)));
});
