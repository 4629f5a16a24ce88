// What a point between the pixels of a tiny grey image finds there, in numbers and in words:
// equations (4) to (7). An image is its rows; coordinates are in pixels.

const NEIGHBOUR_NAMES = ["a", "b", "c", "d"]; // of the four neighbours: two above, two below

// The neighbours of (x, y), their weights, the sum V, and its slope (∂V/∂x, ∂V/∂y). u and v tell how
// far the point lies between the neighbours, p and q how far it counts as lying; `held` says along
// which axes the padding holds it at the edge.
function inspect(rows, x, y, kernel, padding) {
  const width = rows[0].length, height = rows.length, border = padding === "border", image = rows.flat();
  const around = new Neighbours(height, width, kernel, padding);
  around.moveTo(x, y);
  const {left, top, u, v, p, q} = around, all = [0, 1, 2, 3];
  const held = [border && !(x > 0 && x < width - 1), border && !(y > 0 && y < height - 1)];
  const flat = axis => kernel === "nearest" || held[axis]; // where moving the point changes nothing
  return {
    places: all.map(k => [left + (k & 1), top + (k >> 1)]), values: all.map(k => around.at(image, k)),
    weights: [...around.weights], value: around.value(image),
    slope: [flat(0) ? 0 : around.slopeX(image), flat(1) ? 0 : around.slopeY(image)], held, u, v, p, q,
  };
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
