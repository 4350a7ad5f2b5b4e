/** Light and dark: as the system has it, until one is chosen. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

export const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

export function toggleTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // It is only forgotten.
  }
  dispatchEvent(new Event("theme"));
}

/** Calls when it changes. */
export function onTheme(changed) {
  addEventListener("theme", changed);
  dark.addEventListener("change", changed);
}
