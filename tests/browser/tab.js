/** Runs what the test sends, and posts what came of it. Nothing here ever reloads. */

const Program = (async () => {}).constructor;
const EVENTS = ["connected", "sentiment_update", "sentiment_withdrawn", "metrics", "heartbeat", "closing", "state", "replaced"];
const timers = new Set();

const tab = {
  born: Math.random(), // another one after a reload
  reported: [], // what the browser says went wrong
  async open(url, options) {
    const { SentimentStream } = await import(new URL("/client.js", url));
    tab.stream?.close();
    tab.log = [];
    tab.stream = new SentimentStream(url, options);
    const note = ({ type, data, replayed, news }) => tab.log.push({ at: Date.now(), type, data, replayed, news });
    for (const name of EVENTS) tab.stream.addEventListener(name, note);
    return tab.stream.state;
  },
  /** Resolves as soon as the expression is true: looks now, and after every event of the stream. */
  until(condition) {
    return new Promise((resolve) => {
      const heard = new AbortController();
      const look = () => {
        const value = condition();
        if (!value) return;
        heard.abort();
        resolve(value);
      };
      for (const name of EVENTS) tab.stream.addEventListener(name, look, { signal: heard.signal });
      look();
    });
  },
  /** The items as `source_id label tickers`. */
  items: () => [...tab.stream.items.values()].map((it) => `${it.source_id} ${it.label} ${[...it.tickers.keys()]}`),
  of: (...types) => tab.log.filter(({ type }) => types.includes(type)),
  states: () => tab.of("state").map(({ data }) => data.name),
  /** How many timers are set. */
  timers: () => timers.size,
};

const { setTimeout: set, clearTimeout: clear } = window;
window.setTimeout = (action, ms) => {
  const timer = set(() => { timers.delete(timer); action(); }, ms);
  timers.add(timer);
  return timer;
};
window.clearTimeout = (timer) => { timers.delete(timer); clear(timer); };
addEventListener("error", (event) => tab.reported.push(event.message));
addEventListener("unhandledrejection", (event) => tab.reported.push(`unhandled: ${event.reason}`));

async function answer({ number, text }) {
  const answer = { number };
  try {
    answer.value = await new Program("tab", text)(tab);
  } catch (error) {
    answer.error = `${error}\n${error.stack ?? ""}`;
  }
  await fetch("/answer", { method: "POST", body: JSON.stringify(answer) });
}

for (;;) answer(await (await fetch("/next")).json()); // one that hangs does not hold up the next
