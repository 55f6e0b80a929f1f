/** Types of client.js. docs/client.md says how to use it, docs/events.md what each event means. */

export interface SentimentStreamOptions {
  /**
   * Reads the state of now: rows of the shape of `sentiment_update`, the oldest first. `tickers` is the stream's. Without
   * it the stream's history is the state. At a start the history is shown before the snapshot has come.
   */
  snapshot?: (context: {
    signal: AbortSignal;
    tickers: readonly string[] | null | undefined;
  }) => Promise<Iterable<SentimentUpdate>>;
  /** Fetches a ticket, at the start and when the one before has expired or was refused (401). */
  ticket?: (context: { signal: AbortSignal }) => Promise<string>;
  /** At most so many items; the one that came first goes first. Default 10000. */
  limit?: number;
  /** Seconds that a ticket and an answer may take together. Default 20. */
  timeout?: number;
  /** Upper bound of the backoff, in seconds; what the server asks for may be more. Default 30. */
  longestWait?: number;
  /** Go on from here: the `place` of another stream of the same URL, with its `items` and its `seen`. */
  place?: string;
  /** To start with, in this order: the values of another stream's `items`. */
  items?: Iterable<Item>;
  /** Versions that are no news: another stream's `seen`. */
  seen?: Iterable<string>;
}

export type StateName = "connecting" | "live" | "polling" | "down" | "reconnecting" | "busy" | "offline" | "closed";
export type Mode = "push" | "poll" | "both" | "down";

export interface State {
  readonly name: StateName;
  /** How changes reach the service, as it last said; null before it said so. */
  readonly mode: Mode | null;
  /** One sentence for people; empty while the stream is open. */
  readonly why: string;
  /** When the next attempt begins, in ms since 1970; null while one is under way or the stream is open. */
  readonly until: number | null;
  /** The HTTP status of a refusal, where the browser lets a page know it. */
  readonly status: number | null;
}

export type Label = "positive" | "neutral" | "negative";

/** What is shown of an item, whatever the ticker. */
export interface Shown {
  readonly source_id: string;
  readonly timestamp: string;
  readonly label: Label;
  readonly score: number;
  readonly confidence: number | null;
  readonly source: string | null;
  readonly updated_at: string | null;
  readonly committed_at: string | null;
}

/** An item as it stands; a change makes a new object. */
export interface Item extends Shown {
  /** Of the map: the JSON array [source_id, timestamp]. */
  readonly key: string;
  /** Ticker → version. */
  readonly tickers: ReadonlyMap<string, string>;
}

export interface SentimentUpdate extends Shown {
  readonly version: string;
  readonly ticker: string;
}

export interface SentimentWithdrawn {
  readonly source_id: string;
  readonly timestamp: string;
  readonly ticker: string;
  readonly reason: "deleted" | "unscored" | "ticker_removed";
}

export interface Connected {
  readonly connection_id: string;
  readonly tickers: readonly string[] | null;
  readonly resume: "fresh" | "resumed" | "reset";
  readonly replayed: number;
  readonly mode: Mode;
  readonly retry_ms: number;
  readonly heartbeat_seconds: number;
}

export interface Metrics {
  readonly total: number;
  readonly positive: number;
  readonly neutral: number;
  readonly negative: number;
  readonly by_tag: Readonly<Record<string, number>>;
  readonly rate_last_hour: number;
  readonly rate_last_24h: number;
  readonly since: string;
  readonly timestamp: string;
  /** Of each ticker that `by_tag` names. */
  readonly by_ticker: Readonly<Record<string, TickerCounts>>;
}

export interface TickerCounts {
  readonly positive: number;
  readonly neutral: number;
  readonly negative: number;
  /** Mean score, rounded to six decimal places. */
  readonly mean: number;
}

export interface Heartbeat {
  readonly timestamp: string;
  readonly connections: number;
  readonly uptime_seconds: number;
  readonly mode: Mode;
}

export interface Closing {
  readonly reason: string;
  readonly retry_ms: number;
}

export interface DataEvent<T> extends Event {
  readonly data: T;
}

export interface ItemEvent<T> extends DataEvent<T> {
  /** The item now; null when its last ticker was withdrawn. */
  readonly item: Item | null;
  /** The item before this event, or null. */
  readonly previous: Item | null;
  /** It was sent from the server's history. */
  readonly replayed: boolean;
  /** This version was not seen before, as far as the last 1,000 tell: what a feed or an alert asks for. */
  readonly news: boolean;
}

export interface SentimentStreamEvents {
  state: DataEvent<State>;
  /**
   * All of `items` is new: `reason` is that of `reset`, or `fresh` at the start, or `polled` without a stream, or, in
   * shared.js, `joined`. At a start
   * with a snapshot, updates and withdrawals may come before it: `items` then has them, and what the snapshot adds.
   */
  replaced: DataEvent<{ readonly reason: string }>;
  sentiment_update: ItemEvent<SentimentUpdate> & { readonly item: Item };
  sentiment_withdrawn: ItemEvent<SentimentWithdrawn>;
  connected: DataEvent<Connected>;
  metrics: DataEvent<Metrics>;
  heartbeat: DataEvent<Heartbeat>;
  closing: DataEvent<Closing>;
}

/** What a stream shows, at one moment. It never changes. */
export interface Snapshot {
  /** Key → item, in the order in which the items first came. The same object as long as no item changes. */
  readonly items: ReadonlyMap<string, Item>;
  readonly tickers: readonly string[] | null | undefined;
  readonly state: State;
  /** The last counters; null before there are any. */
  readonly metrics: Metrics | null;
}

/** What both kinds of streams are to a framework, as React's `useSyncExternalStore` takes it. */
export interface SnapshotSource {
  /** The state of now: the same object until something changes, then another. Bound, as is `subscribe`. */
  readonly snapshot: () => Snapshot;
  /**
   * Calls `listener` when `snapshot()` has become another: at the end of the browser's task, and at most every 50 ms
   * while much changes. Returns what ends that.
   */
  readonly subscribe: (listener: () => void) => () => void;
}

/** A stream that comes back by itself, and the state of its items. Opens at once; `close` ends it for good. */
export class SentimentStream extends EventTarget implements SnapshotSource {
  readonly snapshot: () => Snapshot;
  readonly subscribe: (listener: () => void) => () => void;
  /** TypeError where the URL is none; a relative one is resolved against the page. */
  constructor(url: string | URL, options?: SentimentStreamOptions);
  /** Key → item, in the order in which the items first came. */
  readonly items: ReadonlyMap<string, Item>;
  /** What the stream shows, as it last said; null: every ticker; undefined: it has said nothing yet. */
  readonly tickers: readonly string[] | null | undefined;
  /** What a page can show of the connection; the event `state` tells each change. */
  readonly state: State;
  /** The id of the last event that `items` has; empty before there is one. */
  readonly place: string;
  /** The versions that are no news, at most 1,000; the oldest first. */
  readonly seen: readonly string[];
  /**
   * Somebody looks: if the stream waits or is silent, it connects at once. A page that comes into view does so by itself;
   * a worker has no view.
   */
  wake(): void;
  close(): void;
  addEventListener<K extends keyof SentimentStreamEvents>(
    type: K,
    listener: (this: SentimentStream, event: SentimentStreamEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SentimentStreamEvents>(
    type: K,
    listener: (this: SentimentStream, event: SentimentStreamEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
