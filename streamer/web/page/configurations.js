/** A user's configurations over REST (docs/events.md), as watchlists. The caller is known by a cookie or a gateway. */

const PATH = "api/v2/configurations";

/** What the service answered instead of what was asked for. */
export class Refusal extends Error {
  constructor(status, { detail, conflict } = {}) {
    super(typeof detail === "string" ? detail : Array.isArray(detail) ? detail.map(({ msg }) => msg).join("; ") : `The service answered ${status}.`);
    this.status = status;
    this.conflict = conflict;
  }
}

/** → [{config_id, name, tickers, status, etag}], by name. */
export async function list() {
  const found = [];
  for (let cursor = ""; ; ) {
    const page = await ask("GET", cursor ? `?cursor=${encodeURIComponent(cursor)}` : "");
    found.push(...page.configurations);
    if (page.cursor === null) return found.sort((a, b) => a.name.localeCompare(b.name));
    ({ cursor } = page);
  }
}

export function read(id) {
  return ask("GET", `/${id}`);
}

export function create({ name, tickers }) {
  return ask("POST", "", { name, tickers });
}

/** Change the one whose ETag is still `etag`: a Refusal of status 412 if it was changed meanwhile. */
export function change({ config_id: id, etag }, changes) {
  return ask("PATCH", `/${id}`, changes, etag);
}

export function remove({ config_id: id, etag }) {
  return ask("DELETE", `/${id}`, undefined, etag);
}

/** A ticket for the stream of one; "" where there is none: the stream knows the caller without, or says why not. */
export async function ticket(id, { signal } = {}) {
  try {
    return (await ask("POST", `/${id}/stream/tickets`, undefined, "", signal)).ticket;
  } catch (error) {
    if (error.status === 404) return "";
    throw error;
  }
}

async function ask(method, path, body, etag = "", signal = undefined) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(etag && { "If-Match": etag }) };
  const answer = await fetch(new URL(PATH + path, document.baseURI), { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  return answer.status === 204 ? null : answer.json();
}
