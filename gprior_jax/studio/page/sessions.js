/** Sessions: a list of them, to open, name and remove. */

import { api } from "./api.js";
import { dialog } from "./dialogs.js";
import { count, h, inBytes } from "./dom.js";
import { icon } from "./icons.js";
import { openSession, rename, store } from "./studio.js";
import { attempt, note } from "./toasts.js";

const DATES = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** When a session was begun, in words; what is no date as it is. */
function when(created) {
  const date = new Date(typeof created === "number" ? created * 1000 : created);
  return Number.isNaN(date.getTime()) ? String(created) : DATES.format(date);
}

const byAge = (all) => all.sort((one, other) => new Date(other.created) - new Date(one.created));

/** All sessions, the newest first. */
export const newest = async () => byAge((await api.sessions()).sessions);

/** A session to be opened. */
export function sessionCard(session, opened) {
  const open = () =>
    attempt(async () => {
      await openSession(session.id);
      opened();
    });
  const picture = session.picture ? h("img", { src: session.picture, alt: "" }) : icon("session");
  return h(
    "button.session",
    { type: "button", "data-session": session.id, on: { click: open } },
    picture,
    h(
      "span",
      {},
      h("b", {}, session.title),
      h("small", {}, `${count(session.items, "result")} · ${when(session.created)}`),
    ),
  );
}

/** What is left of a session that cannot be read: nothing opens it. */
const damagedCard = ({ why, bytes }) =>
  h(
    "div.session.damaged",
    {},
    icon("session"),
    h("span", {}, h("b", {}, "Damaged session"), h("small", {}, `${why} ${size(bytes)}`)),
  );

const size = (bytes) => (Number.isFinite(bytes) ? `It takes ${inBytes(bytes)}.` : "");

export async function openSessions() {
  const list = h("ul.sessions");
  const begin = h(
    "button.plain",
    {
      type: "button",
      on: {
        click: () =>
          attempt(async () => {
            await openSession(null);
            opened.close();
          }),
      },
    },
    icon("add"),
    "New session",
  );
  const opened = dialog("Sessions", makeTitle(() => fill(list, opened)), list, h("div.row.end", {}, begin));
  await attempt(() => fill(list, opened));
}

/** The name of the session that is open; `renamed` is called when it is another. */
function makeTitle(renamed) {
  const { session } = store.state;
  if (!session) return h("p.remark", {}, "The first picture begins a new session.");
  const input = h("input", {
    type: "text",
    value: session.title,
    maxLength: 120,
    required: true,
    "aria-label": "Name of this session",
  });
  const form = h(
    "form.row",
    {
      on: {
        submit: (event) => {
          event.preventDefault();
          attempt(async () => {
            await rename(input.value);
            await renamed();
            note("The session is renamed.");
          });
        },
      },
    },
    input,
    h("button.plain", { type: "submit" }, "Rename"),
  );
  return form;
}

async function fill(list, opened) {
  const { sessions, damaged } = await api.sessions();
  const row = (session, card) =>
    h(
      "li",
      {},
      card,
      h(
        "button.bare",
        {
          type: "button",
          "aria-label": `Remove ${session.title}`,
          on: { click: () => attempt(() => removeSession(session, list, opened)) },
        },
        icon("remove"),
      ),
    );
  list.replaceChildren(
    ...byAge(sessions).map((session) => row(session, sessionCard(session, () => opened.close()))),
    ...damaged.map((session) => row({ ...session, title: `Damaged session ${session.id}` }, damagedCard(session))),
  );
  if (!sessions.length && !damaged.length) list.append(h("li", {}, h("p.remark", {}, "There are none yet.")));
}

async function removeSession({ id, title }, list, opened) {
  if (store.state.session?.id === id) await openSession(null);
  await api.removeSession(id);
  await fill(list, opened);
  note(`${title} is removed.`, {
    label: "Undo",
    act: () =>
      attempt(async () => {
        await api.restoreSession(id);
        if (opened.isConnected) await fill(list, opened);
      }),
  });
}
