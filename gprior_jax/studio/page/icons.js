/** Icons, drawn on a grid of 24 by strokes. */

const PATHS = {
  add: "M12 5v14M5 12h14",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  close: "M6 6l12 12M18 6L6 18",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  copy: "M9 9h10v10H9zM5 15V5h10",
  crop: "M7 3v14h14M3 7h14v14",
  dice: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  difference: "M9 15a5 5 0 1 1 0-6M15 9a5 5 0 1 1 0 6M10 12h4",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  heat: "M12 3c1 4 5 5 5 10a5 5 0 0 1-10 0c0-2 1-3 2-4 .5 1.500 1 2 2 2 0-3-.500-5 1-8z",
  layers: "M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4",
  moon: "M19 14.500A8 8 0 0 1 9.500 5 7.500 7.500 0 1 0 19 14.500z",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9h.01",
  pixels: "M4 4h16v16H4zM4 9.300h16M4 14.700h16M9.300 4v16M14.700 4v16",
  redo: "M19 8H9a5 5 0 0 0 0 10h4M15 4l4 4-4 4",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  reset: "M5 12a7 7 0 1 0 2-5M5 4v4h4",
  session: "M4 6h6l2 2h8v11H4z",
  split: "M12 3v18M4 6h16v12H4zM9 12H7M15 12h2",
  stop: "M7 7h10v10H7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M19 5l-1.500 1.500M6.500 17.500L5 19",
  undo: "M5 8h10a5 5 0 0 1 0 10h-4M9 4L5 8l4 4",
  brush: "M14 11l6-7M14 11a3.500 3.500 0 0 0-5 1c-1 2-1 4-5 5 2 2 8 3 10.500 0A3.500 3.500 0 0 0 14 11z",
  edited: "M4 8h9M17 8h3M4 16h3M11 16h9M15 10.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM9 18.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  eraser: "M8 19l-4-4L14 5l6 6-8 8zM8 19h12M9 10l6 6",
  hand: "M12 3v18M3 12h18M12 3l-2.500 2.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500",
  invert: "M4 12h12M12 7l5 5-5 5M20 5v14",
  colorize: "M12 4c4 5 5.500 7 5.500 9.500a5.500 5.500 0 0 1-11 0C6.500 11 8 9 12 4zM12 19v-15",
  upscale: "M4 14v6h6M20 10V4h-6M4 20l7-7M20 4l-7 7",
  inpaint: "M4 5h16v14H4zM8 9h4v4H8zM14.500 15.500l2-2",
  denoise: "M5 7h.01M9 5h.01M6 11h.01M10 9h.01M5 15h.01M9 14h.01M13 6c3 0 6 3 6 6s-3 6-6 6",
  deblur: "M12 5a7 7 0 1 0 0 14M12 9a3 3 0 1 0 0 6M15 5v14M19 7v10",
  generate: "M12 4l1.800 5.200L19 11l-5.200 1.800L12 18l-1.800-5.200L5 11l5.200-1.800zM18.500 16v4M16.500 18h4",
  help: "M9 9.500a3 3 0 1 1 4.500 2.500c-1 .700-1.500 1.200-1.500 2.500M12 18h.01",
  morph: "M8.500 12a4.500 4.500 0 1 1 0-.01M20 7h-7v10h7zM3 12h.01",
};

/** An icon of a name; it is decoration, its button has the words. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.picture);
  svg.append(path);
  return svg;
}
