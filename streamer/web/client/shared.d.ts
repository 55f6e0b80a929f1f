/** Types of shared.js. docs/client.md says how to use it; the events and their members are those of client.js. */

import type { SentimentStreamEvents, SentimentStreamOptions, Item, Snapshot, SnapshotSource, State } from "./client.js";

/** Tabs share a stream if the URL, `user`, the numbers, and which of the functions are given, are equal. */
export interface SharedSentimentStreamOptions extends Omit<SentimentStreamOptions, "place" | "items" | "seen"> {
  /**
   * Whose stream it is, if the URL does not say: tabs of different users share nothing. Give it with `ticket`. Any text;
   * default "". `snapshot` and `ticket` are run by one of the tabs for all.
   */
  user?: string;
}

/**
 * How a tab gets its events. `worker`: a SharedWorker holds the stream. `leader`: this tab holds it, for itself and the
 * `follower`s. `alone`: this tab holds it, and the browser has no means to share it.
 */
export type Role = "worker" | "leader" | "follower" | "alone";

/**
 * The stream of client.js, of which all tabs of an origin hold one together. A tab that joins a running stream fires
 * `replaced` (reason `joined`), `state`, and then the last `connected`, `metrics` and `heartbeat`.
 */
export class SharedSentimentStream extends EventTarget implements SnapshotSource {
  readonly snapshot: () => Snapshot;
  readonly subscribe: (listener: () => void) => () => void;
  /** TypeError where the URL is none; a relative one is resolved against the page. */
  constructor(url: string | URL, options?: SharedSentimentStreamOptions);
  /** Key → item, in the order in which the items first came. */
  readonly items: ReadonlyMap<string, Item>;
  /** What the stream shows, as it last said; null: every ticker; undefined: it has said nothing yet. */
  readonly tickers: readonly string[] | null | undefined;
  /** What a page can show of the connection; the event `state` tells each change. */
  readonly state: State;
  /** For diagnosis; it may change at any time. */
  readonly role: Role;
  /** Leave. The last tab that leaves ends the connection. */
  close(): void;
  addEventListener<K extends keyof SentimentStreamEvents>(
    type: K,
    listener: (this: SharedSentimentStream, event: SentimentStreamEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SentimentStreamEvents>(
    type: K,
    listener: (this: SharedSentimentStream, event: SentimentStreamEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
