/** The bar at the top: the studio, its session, undo and redo, and the look of the page. */

import { h, kept, set } from "./dom.js";
import { icon } from "./icons.js";
import { openHelp } from "./keys.js";
import { openSessions } from "./sessions.js";
import { history, redo, setView, store, undo } from "./studio.js";
import { isDark, onTheme, toggleTheme } from "./themes.js";

export function makeBar(element) {
  const button = (name, label, act) =>
    h("button.bare", { type: "button", "aria-label": label, title: label, on: { click: act } }, icon(name));
  const session = h(
    "button.bare.session-name",
    { type: "button", title: "Sessions", on: { click: openSessions } },
    icon("session"),
    h("span"),
  );
  const back = button("undo", "Undo", undo);
  const forth = button("redo", "Redo", redo);
  const pixels = button("pixels", "Show pixels as squares", () => setView({ pixels: !store.state.view.pixels }));
  const theme = button("moon", "Dark", toggleTheme);
  const help = button("help", "Keys", openHelp);
  const model = h("span.model");
  element.append(
    h("h1.mark", {}, "gprior ", h("i", {}, "studio")),
    model,
    session,
    h("span.gap"),
    back,
    forth,
    pixels,
    theme,
    help,
  );
  const themed = () => {
    theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
    set(theme, { "aria-label": isDark() ? "Light" : "Dark", title: isDark() ? "Light (T)" : "Dark (T)" });
  };
  onTheme(themed);
  themed();
  return function update(state, before) {
    set(model, { textContent: state.about?.name ?? "" });
    set(session.lastChild, { textContent: state.session?.title ?? "New session" });
    set(session, { "aria-label": `Sessions; this one is ${state.session?.title ?? "new"}` });
    set(back, { disabled: !history.canUndo, title: history.canUndo ? `Undo: ${history.undoes} (Ctrl Z)` : "Undo" });
    set(forth, {
      disabled: !history.canRedo,
      title: history.canRedo ? `Redo: ${history.redoes} (Ctrl Shift Z)` : "Redo",
    });
    set(pixels, { "aria-pressed": String(state.view.pixels) });
    if (state.view.pixels !== before?.view.pixels) kept.set("pixels", state.view.pixels);
  };
}
