/** Types of react.js. docs/client.md says how to use it. */

import type { SentimentStream, Snapshot, SnapshotSource } from "./client.js";

type StreamClass = new (url: string | URL, options?: never) => SnapshotSource & { close(): void };

/**
 * The state of the stream at `url`, which is open while the component is mounted. Another URL, or other values of the
 * options, open another stream; `snapshot` and `ticket` may be written in the component, and the latest are called. On a
 * server it is a stream that connects and has no items. `Stream`: another class, as `SharedSentimentStream`.
 */
export function useSentiment<Class extends StreamClass = typeof SentimentStream>(
  url: string | URL,
  options?: ConstructorParameters<Class>[1],
  Stream?: Class,
): Snapshot;
