// The sampler of notebook 03, for the browser: every target pixel asks θ where to look in the
// source, and mixes the four pixels it finds there. −1 and 1 are the centres of the corner pixels.
// A θ is six numbers, row by row, or nine; a picture is {pixels, height, width}, its pixels RGBA bytes.

const IDENTITY = {rotation: 0, scale: 1, stretch: 1, shear: 0, x: 0, y: 0, flip: false};
const radians = degrees => degrees * Math.PI / 180;

// How many half heights there are in a half width: what keeps a turned picture free of shear.
const aspect = (height, width) => Math.max(height - 1, 1) / Math.max(width - 1, 1);

// θ from what the picture does on the screen: flipped left to right, made bigger by scale (and in
// height by stretch as well), sheared and turned by degrees, moved by half images. As in theta.py.
function affineTheta({rotation, scale, stretch = 1, shear, x, y, flip = false}, height, width) {
  const cos = Math.cos(radians(rotation)), sin = Math.sin(radians(rotation));
  const lean = -Math.tan(radians(shear)), k = aspect(height, width);
  const across = flip ? -scale : scale, down = scale * stretch;
  return invert([cos * across, (cos * lean + sin) * down * k, x,
                 -sin * across / k, (cos - sin * lean) * down, y]);
}

// What the picture does on the screen, from θ: the way back. null if θ cannot be undone.
function decompose(theta, height, width) {
  const inverse = invert(theta), k = aspect(height, width);
  if (!inverse.every(Number.isFinite)) return null;
  const flip = inverse[0] * inverse[4] < inverse[1] * inverse[3], side = flip ? -1 : 1;
  const a = side * inverse[0], b = inverse[1] / k, c = side * inverse[3] * k, d = inverse[4];
  const scale = Math.hypot(a, c), down = (a * d - b * c) / scale;
  return {rotation: Math.atan2(-c, a) * 180 / Math.PI, scale, stretch: down / scale,
          shear: -Math.atan((a * b + c * d) / (scale * down)) * 180 / Math.PI,
          x: inverse[2], y: inverse[5], flip};
}

// The θ that undoes θ; numbers that are not finite where there is none.
function invert([a, b, x, c, d, y]) {
  const det = a * d - b * c;
  return [d / det, -b / det, (b * y - d * x) / det, -c / det, a / det, (c * x - a * y) / det];
}

// Equation (1): the source point at which the target point (x, y) looks.
const applyTheta = (theta, x, y) =>
  [theta[0] * x + theta[1] * y + theta[2], theta[3] * x + theta[4] * y + theta[5]];

// A point of a picture, −1 to 1, in its pixels.
const toPixels = (x, y, {height, width}) => [(x + 1) * (width - 1) / 2, (y + 1) * (height - 1) / 2];

// The coordinate of pixel i among n, from −1 to 1; one pixel alone sits at 0.
const pixelCentre = (i, n) => n > 1 ? 2 * i / (n - 1) - 1 : 0;

const clamp = (value, lowest, highest) => Math.min(Math.max(value, lowest), highest);

// A position beyond the edges mirrored at 0 and at the last pixel, as often as it takes.
function reflect(position, last) {
  const thereAndBack = 2 * Math.max(last, 1), along = Math.abs(position) % thereAndBack;
  return Math.min(along, thereAndBack - along);
}

// The regular target grid: x and y of all pixel centres in turn, row by row.
function meshgrid(height, width) {
  const points = new Float64Array(2 * height * width);
  for (let row = 0, n = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      points[n++] = pixelCentre(column, width);
      points[n++] = pixelCentre(row, height);
    }
  }
  return points;
}

const MIN_DEPTH = 1e-3; // the least depth that is divided by, as in grid.py

// Where points (x, y in turn) look under θ: equation (1), or a homography if θ has a third row.
function samplingGrid([a, b, c, d, e, f, g = 0, h = 0, i = 1], points) {
  const looks = new Float64Array(points.length);
  for (let n = 0; n < points.length; n += 2) {
    const x = points[n], y = points[n + 1], depth = Math.max(g * x + h * y + i, MIN_DEPTH);
    looks[n] = (a * x + b * y + c) / depth;
    looks[n + 1] = (d * x + e * y + f) / depth;
  }
  return looks;
}

// The four pixels around a point, and what a picture is worth there: equations (4) to (7). They are
// numbered in reading order: two above, two below. One that lies outside of the picture counts as 0.
class Neighbours {
  index = new Int32Array(4); // of each in the picture, counted row by row; −1 outside
  weights = new Float64Array(4);

  constructor(height, width, kernel = "bilinear", padding = "zeros") {
    Object.assign(this, {height, width, nearest: kernel === "nearest", padded: padding !== "zeros",
                         reflected: padding === "reflection"});
    this.moveTo(0, 0);
  }

  // To the point (x, y), in pixels. u and v are its distances from the left and the upper neighbours;
  // p and q those that it counts as having.
  moveTo(x, y) {
    const {height, width, index, weights} = this;
    if (this.reflected) { x = reflect(x, width - 1); y = reflect(y, height - 1); }
    if (this.padded) { x = clamp(x, 0, width - 1); y = clamp(y, 0, height - 1); }
    const left = Math.floor(x), top = Math.floor(y), u = x - left, v = y - top;
    const p = this.nearest ? Math.floor(u + 0.5) : u, q = this.nearest ? Math.floor(v + 0.5) : v; // (4) or (5)
    weights[0] = (1 - p) * (1 - q); weights[1] = p * (1 - q); // ∂V/∂U, (6)
    weights[2] = (1 - p) * q; weights[3] = p * q;
    for (let k = 0; k < 4; k++) {
      const column = left + (k & 1), row = top + (k >> 1);
      index[k] = column >= 0 && column < width && row >= 0 && row < height ? row * width + column : -1;
    }
    this.left = left; this.top = top; this.u = u; this.v = v; this.p = p; this.q = q;
  }

  // The values of a picture at the neighbour k; pixels may hold several channels each.
  at(values, k, channels = 1, channel = 0) {
    return this.index[k] < 0 ? 0 : values[channels * this.index[k] + channel];
  }

  // V, the sum of the four as they weigh: equation (5), or (4) for the nearest kernel.
  value(values, channels = 1, channel = 0) {
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += this.weights[k] * this.at(values, k, channels, channel);
    return sum;
  }

  // The slopes of V per pixel, equation (7): right minus left, below minus above.
  slopeX(values) {
    const above = this.at(values, 1) - this.at(values, 0), below = this.at(values, 3) - this.at(values, 2);
    return (1 - this.v) * above + this.v * below;
  }
  slopeY(values) {
    const left = this.at(values, 2) - this.at(values, 0), right = this.at(values, 3) - this.at(values, 1);
    return (1 - this.u) * left + this.u * right;
  }
}

// The target's RGBA bytes from where each of its pixels looks: equations (4) and (5).
function sample(source, grid, height, width, kernel = "bilinear", padding = "zeros") {
  const {pixels, height: H, width: W} = source, around = new Neighbours(H, W, kernel, padding);
  const target = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let n = 0, to = 0; to < target.length; n += 2, to += 4) {
    around.moveTo((grid[n] + 1) * (W - 1) / 2, (grid[n + 1] + 1) * (H - 1) / 2);
    for (let channel = 0; channel < 3; channel++) target[to + channel] = around.value(pixels, 4, channel);
  }
  return target;
}

const warp = (source, theta, height, width, kernel, padding) =>
  sample(source, samplingGrid(theta, meshgrid(height, width)), height, width, kernel, padding);
