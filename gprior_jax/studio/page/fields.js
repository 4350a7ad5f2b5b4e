/** What can be set of what is done with a photograph; what is left as it is, is not sent. */

/** Numbers. `of`: of the method, of the task (`when` says of which settings of it), or of both. */
export const NUMBERS = [
  { name: "sigma", of: "task", title: "Width", min: 0.1, step: 0.1, usual: 1.5, help: "pixels, at the prior's size" },
  { name: "length", of: "task", title: "Length", min: 1, step: 0.5, usual: 7, help: "pixels, at the prior's size" },
  { name: "angle", of: "task", title: "Angle", min: -180, max: 180, step: 5, usual: 0, help: "degrees, from level" },
  { name: "samples", of: "task", title: "Answers", min: 1, usual: 1, help: "and how far they are apart" },
  { name: "steps", of: "method", title: "Steps", min: 1, help: "of the optimisation" },
  { name: "codes", of: "method", title: "Codes", min: 1, help: "latent codes that are composed" },
  { name: "layer", of: "method", title: "Layer", min: 0, help: "in whose features they are" },
  { name: "seed", of: "both", title: "Seed", min: 0, usual: 0, help: "of what is drawn" },
];

/** Choices, [value, word]; the first is what is taken unless another is chosen. */
export const CHOICES = [
  {
    name: "factor",
    of: "task",
    title: "Enlarge by",
    choices: [["", "As the picture needs"], ...[2, 4, 8, 16].map((factor) => [factor, String(factor)])],
  },
  {
    name: "noise",
    of: "task",
    title: "Noise",
    choices: [
      ["", "Gaussian"],
      ["poisson", "Poisson"],
      ["impulse", "Impulse"],
    ],
  },
  {
    name: "blur",
    of: "task",
    title: "Blur",
    choices: [
      ["", "Out of focus"],
      ["motion", "Motion"],
    ],
    // What is of the other blur would only be refused.
    drops: ["sigma", "length", "angle"],
  },
  {
    name: "blend",
    of: "task",
    title: "Seam",
    choices: [
      ["", "Paste"],
      ["feather", "Feather"],
      ["poisson", "Poisson"],
      ["none", "None"],
    ],
  },
  {
    name: "start",
    of: "method",
    title: "Start",
    choices: [
      ["", "Of the method"],
      ["encoder", "Encoder"],
      ["random", "Random"],
    ],
    help: "where the search begins",
  },
  {
    name: "preset",
    of: "method",
    title: "Preset",
    choices: [
      ["", "Fast"],
      ["official", "Official"],
    ],
    help: "the published constants, or faster ones",
  },
];

const OF_TASKS = {
  factor: ["upscale"],
  filter: ["upscale"],
  blend: ["inpaint"],
  noise: ["denoise"],
  blur: ["deblur"],
  sigma: ["deblur"],
  length: ["deblur"],
  angle: ["deblur"],
  samples: ["colorize", "upscale", "inpaint", "denoise", "deblur"],
};

const isFor = (task, setting) => OF_TASKS[setting]?.includes(task) ?? true;

const OF_BLURS = { sigma: "gaussian", length: "motion", angle: "motion" };

/** Whether a setting is for a draft: its task, and what else is set of it. */
export const isOf = ({ task, settings }, setting) =>
  isFor(task, setting) && (!(setting in OF_BLURS) || OF_BLURS[setting] === (settings.blur ?? "gaussian"));

/** What a number is unless it is set. */
export const usualOf = (setting) => NUMBERS.find(({ name }) => name === setting)?.usual;
