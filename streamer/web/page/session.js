/** Who looks at the page. Where users sign in is the matter of a gateway; the demo has a list of its own. */

/**
 * → {user, users, configurations}: `user` is null for nobody; `users` are those that the demo signs in, else empty;
 * `configurations`: whether the service keeps watchlists.
 */
export async function readSession() {
  const answer = await fetch(new URL("page/session.json", document.baseURI), { cache: "no-store" }).catch(() => null);
  return answer?.ok ? answer.json() : { user: null, users: [], configurations: false };
}

/** Sign in as one of the demo's users, or out (null). */
export async function signIn(user) {
  const answer = await fetch(new URL("page/session.json", document.baseURI), {
    method: user === null ? "DELETE" : "POST",
    ...(user !== null && { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user }) }),
  });
  if (!answer.ok) throw new Error(`The service answered ${answer.status}.`);
}
