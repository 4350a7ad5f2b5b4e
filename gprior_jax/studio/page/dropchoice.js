/** What is to become of two results of which one was dropped on the other. */

import { dialog } from "./dialogs.js";
import { h } from "./dom.js";
import { UserError } from "./errors.js";
import { icon } from "./icons.js";
import { together } from "./partner.js";
import { itemOf, select, store } from "./studio.js";
import { tellError } from "./toasts.js";

export function dropChoice(dragged, onto) {
  const [one, other] = [itemOf(onto), itemOf(dragged)];
  if (!one || !other) return;
  for (const item of [one, other]) {
    if (item.state === "done" && item.editable) continue;
    const why = item.state === "done" ? (item.why_not ?? "it cannot be edited.") : "it is not done.";
    tellError(new UserError(`${item.name} cannot be taken together with another: ${why}`));
    return;
  }
  const { styles } = store.state.about;
  const choose = (how) => () => {
    opened.close();
    select(onto);
    together(how, onto, dragged);
  };
  const choice = (how, title, does, able = true) =>
    h(
      "button.file",
      { type: "button", disabled: !able, "data-how": how, on: { click: choose(how) } },
      icon(how === "mix" ? "layers" : "morph"),
      h("span", {}, h("b", {}, title), h("small", {}, does)),
    );
  const opened = dialog(
    `${other.name} onto ${one.name}`,
    h(
      "div.files",
      {},
      choice("morph", "Morph", "a picture between the two"),
      choice(
        "mix",
        "Mix styles",
        styles ? "the layers that you choose from the other" : "this prior has no styles to mix",
        Boolean(styles),
      ),
    ),
  );
}
