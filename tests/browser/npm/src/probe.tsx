/** A component that the test mounts, renders and changes. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useSentiment } from "sentiment-streamer/react";

interface Given {
  query: string;
  limit: number;
  turn: number;
}

declare global {
  interface Window {
    show(given: Given | null): void;
    asked: number[];
  }
}

const STREAM = "http://127.0.0.1:8080/api/v2/stream"; // of the test's server when it is served
const root = createRoot(document.getElementById("root")!);
window.asked = [];

function Probe({ query, limit, turn }: Given) {
  const { items, state, metrics } = useSentiment(`${STREAM}?tickers=${query}`, {
    limit,
    snapshot: async ({ tickers }) => {
      window.asked.push(turn);
      return [{
        source_id: "of the table", timestamp: "2026-11-22T14:18:46.484Z", version: "v0", ticker: tickers?.[0] ?? "all",
        label: "neutral", score: 0, confidence: null, source: null, updated_at: null, committed_at: null,
      }];
    },
  });
  const labels = [...items.values()].map((item) => item.label);
  return <p>{turn} {state.name} {labels.join()} {metrics?.total ?? "no"} metrics</p>;
}

window.show = (given) => root.render(<StrictMode>{given && <Probe {...given} />}</StrictMode>);
