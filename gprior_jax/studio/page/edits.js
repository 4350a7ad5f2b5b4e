/** Edits: pure functions. An edit is {sliders, psi, mix, morph}, as the server takes it. */

export const NEUTRAL = Object.freeze({ sliders: Object.freeze([]), psi: 1, mix: null, morph: null });

const ofSlider = (edit, name) => edit.sliders.find((slider) => slider.direction === name);

export const strengthOf = (edit, name) => ofSlider(edit, name)?.strength ?? 0;

export const layersOf = (edit, name) => ofSlider(edit, name)?.layers ?? null;

/** With a slider elsewhere; one that is at 0 and has no layers of its own is left out. */
export function withSlider(edit, name, strength, layers = layersOf(edit, name)) {
  const slider = { direction: name, strength, layers };
  const there = ofSlider(edit, name) !== undefined;
  const sliders = there
    ? edit.sliders.map((own) => (own.direction === name ? slider : own))
    : [...edit.sliders, slider];
  return { ...edit, sliders: sliders.filter((own) => own.strength !== 0 || own.layers !== null) };
}

export const withoutSlider = (edit, name) => ({
  ...edit,
  sliders: edit.sliders.filter((own) => own.direction !== name),
});

/** What the server is sent: sliders that do something. */
export const effective = (edit) => ({ ...edit, sliders: edit.sliders.filter((own) => own.strength !== 0) });

export const isNeutral = (edit) =>
  edit.psi === 1 && !edit.mix && !(edit.morph && edit.morph.at !== 0) && edit.sliders.every((own) => !own.strength);

/** What tells pictures apart. */
export const keyOf = (item, edit) => `${item} ${JSON.stringify(effective(edit))}`;

/** An edit out of a file, whatever it is. */
export function readEdit(told) {
  if (typeof told !== "object" || told === null) return NEUTRAL;
  const sliders = Array.isArray(told.sliders) ? told.sliders : [];
  return {
    sliders: sliders
      .filter((own) => typeof own?.direction === "string" && Number.isFinite(own.strength))
      .map((own) => ({ direction: own.direction, strength: own.strength, layers: own.layers ?? null })),
    psi: Number.isFinite(told.psi) ? told.psi : 1,
    mix: told.mix?.item ? told.mix : null,
    morph: told.morph?.item ? told.morph : null,
  };
}

/** "2-5" as numbers; null for all. */
export function readLayers(text, many) {
  const found = /^(\d+)(-(\d*))?$/.exec(text ?? "");
  if (!found) return null;
  const first = Number(found[1]);
  const final = found[2] === undefined ? first : found[3] === "" ? many - 1 : Number(found[3]);
  return [first, final];
}

export const writeLayers = (first, final, many) =>
  first === 0 && final === many - 1 ? null : first === final ? `${first}` : `${first}-${final}`;
