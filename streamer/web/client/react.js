// @ts-self-types="./react.d.ts"
/** A sentiment stream as a React hook. docs/client.md says how to use it. */

import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { SentimentStream } from "./client.js";

const FUNCTIONS = ["snapshot", "ticket"];
const START = ["items", "seen"]; // of a stream that goes on: looked at when it opens
const state = Object.freeze({ name: "connecting", mode: null, why: "Opening the stream.", until: null, status: null });
const NOTHING = Object.freeze({ items: new Map(), tickers: undefined, state, metrics: null }); // before it is mounted

export function useSentiment(url, options, Stream = SentimentStream) {
  const latest = useRef(options);
  useEffect(() => { latest.current = options; }); // before the effect that opens the stream
  const key = JSON.stringify([String(url), values(options)]);
  const store = useMemo(() => new Mounted(() => {
    const given = { ...latest.current };
    for (const name of FUNCTIONS) if (given[name]) given[name] = (context) => latest.current[name](context);
    return new Stream(JSON.parse(key)[0], given);
  }), [key, Stream]);
  return useSyncExternalStore(store.subscribe, store.snapshot, () => NOTHING);
}

/** What makes it another stream: an options object and functions that are written in the component never are the same. */
function values(options = {}) {
  const names = Object.keys(options).filter((name) => options[name] !== undefined && !START.includes(name)).sort();
  return names.map((name) => [name, FUNCTIONS.includes(name) ? true : options[name]]);
}

/** Opens its stream when React subscribes, not while it renders, which it may do twice or for nothing. */
class Mounted {
  #open; #stream = null;

  constructor(open) {
    this.#open = open;
  }

  snapshot = () => this.#stream?.snapshot() ?? NOTHING;

  subscribe = (listener) => {
    const stream = (this.#stream = this.#open());
    const leave = stream.subscribe(listener);
    return () => {
      leave();
      this.#stream = null;
      stream.close();
    };
  };
}
