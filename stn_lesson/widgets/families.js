// The families beyond affine, for the browser: grid.py and spline.py in short. A θ is its
// numbers, row by row: six are affine, nine projective, 2k² the places at which the points of a k × k net look.

const familyOf = theta => ({6: "affine", 9: "projective"}[theta.length] ?? "tps");
const netSide = theta => Math.sqrt(theta.length / 2); // the k of a net

// The target points by which a family is held, each [x, y]; a net runs in reading order.
function controlPoints(family, k) {
  if (family === "projective") return CORNERS;
  if (family === "affine") return [0, 1, 3].map(i => CORNERS[i]); // the fourth corner follows
  return Array.from({length: k * k}, (_, n) => [pixelCentre(n % k, k), pixelCentre(Math.floor(n / k), k)]);
}

// Where target points (x, y in turn) look in the source.
const sourcePoints = (theta, targets) =>
  familyOf(theta) === "tps" ? thinPlateGrid(theta, targets) : samplingGrid(theta, targets);

// The θ under which the control points look at these places; null if the family has none.
const THETA_THROUGH = {
  affine: ([first, across, down]) => [0, 1].flatMap(axis => [
    (across[axis] - first[axis]) / 2, (down[axis] - first[axis]) / 2, (across[axis] + down[axis]) / 2]),
  projective: homographyThrough,
  tps: places => places.flat(),
};

// A homography has a depth w at each corner. Depth and depth · place are both plane functions of the
// target, so over either diagonal they add up to the same, twice what they are in the middle:
// w₀ + w₂ = w₁ + w₃ = 2 and w₀p₀ + w₂p₂ = w₁p₁ + w₃p₃. That leaves w₀(p₀ − p₂) − w₁(p₁ − p₃) = 2(p₃ − p₂).
function homographyThrough([p0, p1, p2, p3]) {
  const minus = (a, b) => [a[0] - b[0], a[1] - b[1]], cross = (a, b) => a[0] * b[1] - a[1] * b[0];
  const one = minus(p0, p2), other = minus(p3, p1), right = minus(p3, p2).map(value => 2 * value);
  const area = cross(one, other); // none if the diagonals are parallel
  if (!(Math.abs(area) > 1e-6)) return null;
  const w0 = cross(right, other) / area, w1 = cross(one, right) / area, w3 = 2 - w1;
  const plane = (top, beside, below) => [(beside - top) / 2, (below - top) / 2, (beside + below) / 2];
  return [...[0, 1].flatMap(axis => plane(w0 * p0[axis], w1 * p1[axis], w3 * p3[axis])), ...plane(w0, w1, w3)];
}

// Where the control points look. A corner beyond the horizon keeps its place, so that it can come back.
function placesOf(theta) {
  const family = familyOf(theta);
  if (family === "tps") return Array.from({length: theta.length / 2}, (_, n) => theta.slice(2 * n, 2 * n + 2));
  const [g, h, i] = family === "projective" ? theta.slice(6) : [0, 0, 1];
  return controlPoints(family).map(([x, y]) => {
    const depth = g * x + h * y + i;
    return applyTheta(theta, x, y).map(value => value / (Math.abs(depth) < MIN_DEPTH ? MIN_DEPTH : depth));
  });
}

// A θ of another family whose control points look where the present grid has them look; null if they
// look far outside, as beyond a horizon, or if no such θ exists.
const MAX_CARRIED = 10;
function carryOver(theta, family, k) {
  const looks = [...sourcePoints(theta, controlPoints(family, k).flat())];
  if (!looks.every(value => Math.abs(value) <= MAX_CARRIED)) return null;
  return THETA_THROUGH[family](looks.flatMap((x, n) => n % 2 ? [] : [[x, looks[n + 1]]]));
}

// The thin sheet: its profile U(r) = r² log r² around every control point, and a plane.
const thinPlateKernel = squared => squared > 0 ? squared * Math.log(squared) : 0;

// How much each target point follows each control point: rows of k². As `thin_plate_matrix` of spline.py.
function thinPlateMatrix(k, targets) {
  const points = controlPoints("tps", k), count = points.length, size = count + 3;
  const fill = (row, x, y) => {
    for (let j = 0; j < count; j++) row[j] = thinPlateKernel((x - points[j][0]) ** 2 + (y - points[j][1]) ** 2);
    row[count] = 1; row[count + 1] = x; row[count + 2] = y;
    return row;
  };
  // The sheet goes through the points; its weights push neither sideways nor around.
  const through = points.map(([x, y]) => fill(new Array(size), x, y));
  const balanced = [count, count + 1, count + 2].map(j => [...through.map(row => row[j]), 0, 0, 0]);
  const solution = invertMatrix([...through, ...balanced]);
  const matrix = new Float32Array(targets.length / 2 * count);
  const row = new Float64Array(size), follows = new Float64Array(count);
  for (let n = 0; n < targets.length / 2; n++) {
    fill(row, targets[2 * n], targets[2 * n + 1]);
    follows.fill(0);
    for (let i = 0; i < size; i++) {
      const weight = row[i], share = solution[i];
      for (let j = 0; j < count; j++) follows[j] += weight * share[j];
    }
    matrix.set(follows, n * count);
  }
  return matrix;
}

// By Gauss and Jordan, with the largest pivot of each column.
function invertMatrix(matrix) {
  const size = matrix.length;
  const rows = matrix.map((row, n) => [...row, ...row.map((_, m) => Number(m === n))]);
  for (let n = 0; n < size; n++) {
    let best = n;
    for (let m = n; m < size; m++) if (Math.abs(rows[m][n]) > Math.abs(rows[best][n])) best = m;
    [rows[n], rows[best]] = [rows[best], rows[n]];
    const pivot = rows[n][n];
    rows[n] = rows[n].map(value => value / pivot);
    for (let m = 0; m < size; m++) {
      const factor = rows[m][n];
      if (m !== n && factor) for (let j = n; j < 2 * size; j++) rows[m][j] -= factor * rows[n][j];
    }
  }
  return rows.map(row => Float64Array.from(row.slice(size)));
}

const MATRIX_OF_TARGETS = new WeakMap(); // the last matrix of each set of target points
function thinPlateGrid(theta, targets) {
  const k = netSide(theta), count = k * k;
  if (MATRIX_OF_TARGETS.get(targets)?.k !== k) MATRIX_OF_TARGETS.set(targets, {k, matrix: thinPlateMatrix(k, targets)});
  const {matrix} = MATRIX_OF_TARGETS.get(targets), looks = new Float64Array(targets.length);
  for (let n = 0, at = 0; n < targets.length; n += 2) {
    let x = 0, y = 0;
    for (let j = 0; j < 2 * count; j += 2, at++) { x += matrix[at] * theta[j]; y += matrix[at] * theta[j + 1]; }
    looks[n] = x; looks[n + 1] = y;
  }
  return looks;
}
