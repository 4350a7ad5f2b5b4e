/** Of what ended without a result: the same once more, with what was asked. */

import { api } from "./api.js";
import { h, set } from "./dom.js";
import { icon } from "./icons.js";
import { putItem, store } from "./studio.js";
import { attempt } from "./toasts.js";

export function makeAgain() {
  const act = () =>
    attempt(async () => {
      const { session, current } = store.state;
      set(button, { disabled: true });
      putItem(await api.again(session.id, current));
    }).finally(() => set(button, { disabled: false }));
  const button = h("button.main", { type: "button", on: { click: act } }, icon("reset"), "Start again");
  const element = h("div.row.middle", {}, button);
  return { element, update: (item) => set(element, { hidden: !item.again }) };
}
