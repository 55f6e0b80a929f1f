/** Elements from scripts: texts go in as text, attributes as attributes. */

/** `properties`: of the element; those with a dash are attributes. `children`: elements and texts. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}
