// What a point between the pixels of a tiny grey image finds there, in numbers and in words:
// equations (4) to (7). An image is its rows; coordinates are in pixels.

const NAMES = ["a", "b", "c", "d"]; // of the four neighbours: two above, two below

// The neighbours of (x, y), their weights, the sum V, and its slope (∂V/∂x, ∂V/∂y). u and v tell
// how far the point lies between the neighbours; p and q how far it counts as lying.
function inspect(rows, x, y, kernel, padding) {
  const width = rows[0].length, height = rows.length, border = padding === "border";
  const held = [border && !(x > 0 && x < width - 1), border && !(y > 0 && y < height - 1)];
  if (border) { x = clamp(x, 0, width - 1); y = clamp(y, 0, height - 1); }
  const left = Math.floor(x), top = Math.floor(y), u = x - left, v = y - top;
  const places = [[left, top], [left + 1, top], [left, top + 1], [left + 1, top + 1]];
  const values = places.map(([m, n]) => rows[n]?.[m] ?? 0), [a, b, c, d] = values; // outside: zero
  const nearest = kernel === "nearest";
  const [p, q] = nearest ? [Math.floor(u + 0.5), Math.floor(v + 0.5)] : [u, v]; // (4) or (5)
  const weights = [(1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q]; // (6)
  const value = weights.reduce((sum, weight, k) => sum + weight * values[k], 0);
  const slope = [(1 - v) * (b - a) + v * (d - c), (1 - u) * (c - a) + u * (d - b)]; // (7)
  const flat = axis => nearest || held[axis]; // where moving the point changes nothing
  return {places, values, weights, value, slope: slope.map((s, axis) => flat(axis) ? 0 : s), held, u, v, p, q};
}

// The sums of (4) or (5), and of (7), as lines of numbers: V as its four terms, then the slopes.
function sums({values, weights, value, slope, held, u, v}, kernel) {
  const [a, b, c, d] = values, nearest = kernel === "nearest";
  const difference = (share, more, less) => `${fixed(share)}·(${fixed(more)} − ${fixed(less)})`;
  const steps = [`${difference(1 - v, b, a)} + ${difference(v, d, c)}`,
                 `${difference(1 - u, c, a)} + ${difference(u, d, b)}`];
  const slopes = ["x", "y"].map((name, axis) => {
    const result = fixed(slope[axis], 3);
    return `∂V/∂${name} = ${nearest || held[axis] ? result : `${steps[axis]} = ${result}   (7)`}`;
  });
  const terms = weights.map((weight, k) => `${fixed(weight, 3)}·${fixed(values[k])}`);
  return {terms, total: `${fixed(value, 3)}   (${nearest ? 4 : 5})`, slopes};
}

// What is special about this point: two sentences, or empty lines in their place.
function remarks(rows, x, y, kernel, padding) {
  if (kernel === "nearest") {
    return ["The nearest kernel is flat between its jumps: both slopes are 0, and no gradient reaches θ.",
            "At a jump there is no slope at all; the sub-gradients of (7) belong to the bilinear kernel."];
  }
  const {slope, held} = inspect(rows, x, y, kernel, padding), near = 1e-6;
  return ["x", "y"].map((name, axis) => {
    const at = [x, y][axis], [ahead, back] = axis ? ["downwards", "upwards"] : ["to the right", "to the left"];
    if (held[axis]) return `Padding border holds the point at the edge: no slope along ${name}.`;
    if (!Number.isInteger(at)) return " ";
    const before = inspect(rows, axis ? x : x - near, axis ? y - near : y, kernel, padding).slope[axis];
    return `${name} = ${fixed(at, 0)} is a knot: ⌊${name}⌋ takes the slope ${ahead}, ${fixed(slope[axis], 3)}; `
      + `${back} it is ${fixed(before, 3)}.`;
  });
}
