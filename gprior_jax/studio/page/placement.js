/** Where a square lies in a photograph: {center: [x, y], size, angle}, pixels of the photograph; pure functions. */

/** Sides of the square: at least so many pixels, at most so many times the photograph's. */
const SMALLEST = 8;
const LARGEST = 2;

/** Pixels by which its middle is inside of the photograph. */
const INSIDE = 0.01;

/** The square in the middle. */
export const centred = (width, height) => ({
  center: [width / 2, height / 2],
  size: Math.min(width, height),
  angle: 0,
});

const turned = ([x, y], degrees) => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [x * cos - y * sin, x * sin + y * cos];
};

/** The point of the photograph at a place of the square, in parts of its side from its middle. */
export function pointAt({ center, size, angle }, place) {
  const [dx, dy] = turned(place, angle);
  return [center[0] + dx * size, center[1] + dy * size];
}

/** Moved by parts of its side, along its own axes, and kept in the photograph. */
export function moved(placement, dx, dy, { width, height }) {
  const [x, y] = pointAt(placement, [dx, dy]);
  const within = (value, length) => Math.min(length - INSIDE, Math.max(0, value));
  return { ...placement, center: [within(x, width), within(y, height)] };
}

/** Larger or smaller by a factor; the point at a place of the square stays where it is. */
export function scaled(placement, factor, photograph, place = [0, 0]) {
  const most = Math.max(photograph.width, photograph.height) * LARGEST;
  const size = Math.min(most, Math.max(SMALLEST, placement.size * factor));
  const still = pointAt(placement, place);
  const now = pointAt({ ...placement, size }, place);
  return moved({ ...placement, size }, (still[0] - now[0]) / size, (still[1] - now[1]) / size, photograph);
}

/** Turned clockwise, by degrees; from -180 to 180. */
export function rotated(placement, degrees) {
  const angle = ((((placement.angle + degrees + 180) % 360) + 360) % 360) - 180;
  return { ...placement, angle };
}

/** In whole hundredths of pixels and degrees: what is sent and shown. */
export function rounded({ center, size, angle }) {
  const round = (value) => Math.round(value * 100) / 100;
  return { center: center.map(round), size: round(size), angle: round(angle) };
}
