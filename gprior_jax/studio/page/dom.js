/** Elements, and what is kept in the browser. */

/**
 * An element: h("button.quiet", {type: "button", on: {click: f}}, "text", child).
 *
 * Properties are set in their order; "on" holds listeners, "vars" custom properties of CSS (style attributes are not
 * allowed by the page's policy).
 */
export function h(what, props = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  set(element, props, true);
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Sets what is not so yet, or `all`: what a property has by itself is not in the document, as an empty alt. */
export function set(element, props, all = false) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [kind, heard] of Object.entries(value)) element.addEventListener(kind, heard);
    else if (name === "vars") for (const [own, is] of Object.entries(value)) element.style.setProperty(own, is);
    else if (name in element && !name.includes("-")) {
      if (all || element[name] !== value) element[name] = value;
    } else if (value == null || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

let last = 0;

/** An id that nothing else on the page has. */
export const unique = (stem) => `${stem}-${(last += 1)}`;

/** Calls after a pause; each call begins the pause anew. */
export function debounced(milliseconds, act) {
  let timer = 0;
  const later = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** What the browser keeps between visits; nothing where its storage is switched off. */
export const kept = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`studio.${name}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`studio.${name}`, JSON.stringify(value));
    } catch {
      // It is only forgotten.
    }
  },
};

/** Saves a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** "3 pictures". */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** "1.5 MB", "12 kB": never "0.0 MB" of what takes some. */
export const inBytes = (bytes) => (bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** "+1.5", with a real minus. */
export const signed = (value, digits = 1) =>
  `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;

/** "about 5 s", "about 2 min". */
export const duration = (seconds) =>
  seconds < 90 ? `about ${Math.max(1, Math.ceil(seconds))} s` : `about ${Math.round(seconds / 60)} min`;

/** The time of day, as files may be called: "14-03-22". */
export const clock = () => new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
