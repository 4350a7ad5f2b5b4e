/** What is asked of the server. */

import { AwayError, RefusedError } from "./errors.js";

/** Called with whether the server answers, whenever a request tells. */
export const connection = { told: () => {} };

/** Refusals come as answers of the status 200 where they are asked for so: no browser notes those as errors. */
const QUIETLY = { "Studio-Page": "1" };

export async function ask(method, path, { json, form, signal, last } = {}) {
  const headers = json === undefined ? QUIETLY : { ...QUIETLY, "Content-Type": "application/json" };
  const body = json === undefined ? form : JSON.stringify(json);
  return answered(`/studio${path}`, { method, headers, body, signal, keepalive: Boolean(last) });
}

async function answered(address, how) {
  let answer;
  try {
    answer = await fetch(address, how);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connection.told(false);
    throw new AwayError();
  }
  connection.told(true);
  const status = Number(answer.headers.get("Studio-Refused") ?? (answer.ok ? 0 : answer.status));
  if (status) throw new RefusedError(await sentence(answer, status), status);
  return answer;
}

async function sentence(answer, status) {
  if (status === 401) return "This studio wants its token: open the whole address that 'gprior studio' printed.";
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string" && detail) return detail;
  } catch {
    // No JSON: something other than the studio has answered.
  }
  return `The server could not do it (status ${status}): try again.`;
}

const asked = async (...given) => (await ask(...given)).json();

const session = (id) => `/sessions/${encodeURIComponent(id)}`;
const item = (of, id) => `${session(of)}/items/${encodeURIComponent(id)}`;

export const api = {
  alive: () => asked("GET", "/alive"),
  file: (address) => answered(address, { headers: QUIETLY }),
  about: () => asked("GET", "/about"),
  sessions: () => asked("GET", "/sessions"),
  session: (id) => asked("GET", session(id)),
  newSession: (title) => asked("POST", "/sessions", { json: title ? { title } : {} }),
  rename: (id, title) => asked("PATCH", session(id), { json: { title } }),
  removeSession: (id) => ask("DELETE", session(id)),
  restoreSession: (id) => asked("POST", `${session(id)}/restore`),
  place: (form) => asked("POST", "/place", { form }),
  expect: (order) => asked("POST", "/expect", { json: order }),
  draw: (of, order) => asked("POST", `${session(of)}/items`, { json: order }),
  begin: (of, form) => asked("POST", `${session(of)}/items`, { form }),
  stop: (of, id) => asked("POST", `${item(of, id)}/stop`),
  again: (of, id) => asked("POST", `${item(of, id)}/again`),
  remove: (of, id) => ask("DELETE", item(of, id)),
  restore: (of, id) => asked("POST", `${item(of, id)}/restore`),
  keep: (of, id, edit, last) => ask("PUT", `${item(of, id)}/edit`, { json: edit, last }),
  events: (of) => new EventSource(`/studio${session(of)}/events`),
  render: async (of, json, signal) => (await ask("POST", `${session(of)}/render`, { json, signal })).blob(),
  strip: async (of, json, signal) => (await ask("POST", `${session(of)}/strip`, { json, signal })).blob(),
  heat: async (of, json, signal) => (await ask("POST", `${session(of)}/heatmap`, { json, signal })).blob(),
  explain: (of, json) => asked("POST", `${session(of)}/explain`, { json }),
  path: (of, json) => asked("POST", `${session(of)}/path`, { json }),
  files: (of, json) => ask("POST", `${session(of)}/files`, { json }),
  knownDirections: (of) => asked("GET", `${session(of)}/directions`),
  directions: (of, form) => asked("POST", `${session(of)}/directions`, { form }),
};
