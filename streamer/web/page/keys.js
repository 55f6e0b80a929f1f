/** Keys of the whole page. Whoever types in a field, or holds a modifier, means the field or the browser. */

/** `actions`: key → function. */
export function bindKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const typing = target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]();
  });
}
