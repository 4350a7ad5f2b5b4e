/** What is seen before the first picture. */

import { openCamera } from "./camera.js";
import { h, set } from "./dom.js";
import { drawFromPrior } from "./drafts.js";
import { icon } from "./icons.js";
import { chooseFiles } from "./intake.js";
import { newest, sessionCard } from "./sessions.js";

const RECENT = 4;

export function makeEmpty() {
  const action = (kind, name, title, act) =>
    h(`button.${kind}`, { type: "button", on: { click: act } }, icon(name), title);
  const recent = h("div.recent", { hidden: true });
  const element = h(
    "section.empty",
    { "aria-label": "Begin" },
    h("div.rings", { "aria-hidden": "true" }),
    h("h2", {}, "Drop a photograph"),
    h("p", {}, "The studio finds the codes that explain it; then sliders change it. All of it stays on this machine."),
    h(
      "div.row.middle",
      {},
      action("main", "file", "Choose a photograph", chooseFiles),
      action("plain", "camera", "Camera", openCamera),
      action("plain", "generate", "Draw one from the prior", drawFromPrior),
    ),
    h("p.remark", {}, "PNG or JPEG; it can also be pasted."),
    recent,
  );
  let isListed = false;

  /** The last sessions, asked for once each time that this is shown. */
  async function list() {
    isListed = true;
    try {
      const sessions = (await newest()).filter((session) => session.items > 0).slice(0, RECENT);
      set(recent, { hidden: !sessions.length });
      recent.replaceChildren(
        h("h3", {}, "Or go on with"),
        ...sessions.map((session) => sessionCard(session, () => {})),
      );
    } catch {
      // They are under Sessions too, where an error is told.
    }
  }

  return {
    element,
    update(isShown) {
      if (isShown && !isListed) list();
      isListed = isShown;
    },
  };
}
