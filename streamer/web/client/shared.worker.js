/** The shared worker: its name says which stream it holds, its tabs come and go. */

import { Hub } from "./shared.hub.js";
import { newId, PING, tabLock } from "./shared.link.js";

const ports = new Map(); // id of a tab → its port
const lock = `${self.name} worker ${newId()}`;
let hub = null; // while there are tabs

/** Where there are locks: that we hold ours, by which tabs learn of our end. Nothing is answered before. */
const ready = new Promise((resolve) => {
  if (!navigator.locks) return resolve(false);
  const held = navigator.locks.request(lock, () => { resolve(true); return new Promise(() => {}); });
  held.catch(() => resolve(false));
});

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = async ({ data }) => receive(port, data, await ready);
});

setInterval(ping, PING);

function receive(port, message, locks) {
  const { type, id } = message;
  if (type === "join") join(port, message, locks);
  else if (type === "leave") leave(id);
  else if (!hub?.has(id)) port.postMessage({ type: "gone" });
  else if (type === "show") hub.show(id, message.hidden);
  else if (type === "answer") hub.answer(message.call, message);
  else if (type === "pong") ports.get(id).missed = 0;
}

/** A tab that is closed or has crashed says nothing, but lets go of its lock. Who has none is pinged. */
function join(port, { id, stream, from, hidden, locks: tabLocks }, ours) {
  const locks = ours && tabLocks;
  if (!globalThis.EventSource) return port.postMessage({ type: "unable" });
  hub ??= new Hub(newId(), stream, from);
  ports.set(id, { port, pinged: !locks, missed: 0 });
  hub.add(id, (message) => port.postMessage({ ...message, lock: locks ? lock : null }), { hidden });
  if (locks) navigator.locks.request(tabLock(self.name, id), () => leave(id));
}

function leave(id) {
  if (!ports.delete(id)) return;
  hub.remove(id);
  if (hub.size) return;
  hub.close();
  hub = null;
}

/** A tab answers, even a hidden one, unless it is frozen or gone. */
function ping() {
  for (const [id, tab] of ports) {
    if (!tab.pinged) continue;
    if (tab.missed++ < 3) tab.port.postMessage({ type: "ping" });
    else leave(id);
  }
}
