/** What the types allow, and what they refuse. */

import { useSyncExternalStore } from "react";
import { SentimentStream, type Item, type Snapshot, type SnapshotSource, type State } from "sentiment-streamer";
import { useSentiment } from "sentiment-streamer/react";
import { SharedSentimentStream } from "sentiment-streamer/shared";

const snapshot = async ({ tickers, signal }: { tickers: readonly string[] | null | undefined; signal: AbortSignal }) => {
  signal.throwIfAborted();
  return tickers ? [] : [];
};

export function Allowed(own: SentimentStream, shared: SharedSentimentStream): Snapshot[] {
  const sources: SnapshotSource[] = [own, shared];
  const { snapshot: taken, subscribe } = own;
  subscribe(() => taken())();
  const items: ReadonlyMap<string, Item> = own.snapshot().items;
  const state: State = shared.snapshot().state;
  console.log(items, state.why, own.snapshot().metrics?.by_ticker["AAPL"]?.mean);
  return [
    useSentiment("/api/v2/stream"),
    useSentiment(new URL("https://stream.example.com"), { limit: 3, snapshot, ticket: async ({ signal }) => signal.reason }),
    useSentiment("/api/v2/stream", undefined, SharedSentimentStream),
    useSentiment("/api/v2/stream", { user: "ada", snapshot: async ({ tickers }) => snapshot({ tickers, signal: AbortSignal.timeout(1) }) }, SharedSentimentStream),
    ...sources.map((source) => useSyncExternalStore(source.subscribe, source.snapshot)),
  ];
}

export function Refused(stream: SentimentStream): void {
  // @ts-expect-error there is no such option
  useSentiment("/api/v2/stream", { limits: 3 });
  // @ts-expect-error a place is not shared
  useSentiment("/api/v2/stream", { place: "evt_1" }, SharedSentimentStream);
  // @ts-expect-error of a shared stream alone
  useSentiment("/api/v2/stream", { user: "ada" });
  // @ts-expect-error a snapshot never changes
  stream.snapshot().items.clear();
  // @ts-expect-error likewise
  stream.snapshot().state = stream.state;
  // @ts-expect-error an event that does not exist has no data
  stream.addEventListener("sentiment_updated", ({ data }) => data);
}
