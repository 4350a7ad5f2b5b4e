/** Downloads: the picture, its codes, and the command and the lines of Python that make it. */

import { api } from "./api.js";
import { h, save, set } from "./dom.js";
import { effective } from "./edits.js";
import { UserError } from "./errors.js";
import { icon } from "./icons.js";
import { editFor, itemOf, store } from "./studio.js";
import { titleOf } from "./telling.js";
import { attempt, note } from "./toasts.js";

const KINDS = [
  { kind: "png", title: "Picture", does: "PNG, without loss", ending: "png" },
  { kind: "npz", title: "Codes", does: ".npz, for every gprior command", ending: "npz" },
  { kind: "report", title: "Report", does: "a page with all of it", ending: "html" },
];

const TEXTS = [
  { kind: "command", title: "The command", does: "Makes the same picture in a terminal." },
  { kind: "python", title: "The Python lines", does: "Make the same picture with gprior_jax." },
];

export function makeKeep() {
  const none = h("p.remark", {}, "There is something to keep when it is done.");
  const which = h("p.remark");
  const files = KINDS.map(({ kind, title, does, ending }) =>
    h(
      "button.file",
      { type: "button", "data-kind": kind, on: { click: () => attempt(() => download(kind, ending)) } },
      icon("down"),
      h("span", {}, h("b", {}, title), h("small", {}, does)),
    ),
  );
  const texts = TEXTS.map(makeText);
  const tools = h(
    "div",
    {},
    which,
    h("div.files", {}, files),
    texts.map((text) => text.element),
  );
  return {
    element: h("div", {}, none, tools),
    update(state, item) {
      const isDone = item.state === "done";
      set(none, { hidden: isDone });
      set(tools, { hidden: !isDone });
      const answer = answerOf(state, item);
      set(which, { hidden: !answer, textContent: `${titleOf(state.view.answer)}, which is in view:` });
      files.forEach((file, i) => set(file, { hidden: Boolean(answer) && !(KINDS[i].kind in answer.files) }));
      for (const text of texts) text.update(state, item);
    },
  };
}

/** What is kept of an answer in view, as the server tells it; null of the result, which may be edited. */
function answerOf({ view }, item) {
  const { answer } = view;
  if (!answer || (answer.kind === "samples" && answer.number === 0)) return null;
  const name = answer.kind === "samples" ? `answer_${answer.number + 1}` : answer.kind;
  return item.answers?.find((own) => own.name === name) ?? null;
}

function wanted(kind, id) {
  const answer = answerOf(store.state, itemOf(id));
  if (answer) return api.file(answer.files[kind]);
  return api.files(store.state.session.id, { item: id, edit: effective(editFor(id)), kind });
}

async function download(kind, ending) {
  const id = store.state.current;
  const answer = await wanted(kind, id);
  const named = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  save(await answer.blob(), named ? decodeURIComponent(named) : `${itemOf(id)?.name ?? "result"}.${ending}`);
}

/** A text that is shown, copied or saved; it is asked for when it is opened, and again when the edit is another. */
function makeText({ kind, title, does }) {
  const text = h("code");
  const copy = h(
    "button.plain",
    { type: "button", on: { click: () => attempt(() => copied(text.textContent)) } },
    icon("copy"),
    "Copy",
  );
  const down = h(
    "button.plain",
    { type: "button", on: { click: () => attempt(() => download(kind, kind === "python" ? "py" : "sh")) } },
    icon("down"),
    "Save",
  );
  const element = h(
    "details.text",
    { "data-kind": kind },
    h("summary", {}, title),
    h("p.remark", {}, does),
    h("pre", { tabIndex: 0, role: "region", "aria-label": title }, text),
    h("div.row", {}, copy, down),
  );
  let shown = null;
  const show = async () => {
    const { current } = store.state;
    const now = { item: current, edit: editFor(current), of: answerOf(store.state, itemOf(current))?.name };
    if (!element.open || (shown && Object.keys(now).every((name) => shown[name] === now[name]))) return;
    shown = now;
    const answer = await attempt(() => wanted(kind, current));
    const told = answer ? await answer.text() : "";
    if (shown === now) text.textContent = told;
  };
  element.addEventListener("toggle", show);
  return { element, update: (state, item) => item.state === "done" && show() };
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new UserError("The browser does not let this page copy: select the text, and copy it by hand.");
  }
  note("It is copied.");
}
