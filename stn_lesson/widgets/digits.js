// What the training monitor and the flight recorder share: test digits with the region that a
// network attends to, and diagrams of curves.

// Grey pictures from bytes of Python, (N, 1, H, W).
function greyPictures(view, [count, , height, width]) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength), each = height * width;
  return Array.from({length: count}, (_, n) =>
    greyPicture(bytes.subarray(n * each, (n + 1) * each), height, width));
}

// float32 numbers from bytes of Python, wherever in a message they begin.
const floats = view => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

// A digit to look at: with the region that θ reads, or as the transformer hands it on.
class Digit {
  constructor(canvas, source, side) {
    Object.assign(this, {canvas, source, frame: new SourceView(canvas, {side, margin: 0.12})});
  }

  showRegion(theta) {
    const {canvas, frame, source} = this;
    if (frame.source !== source || canvas.width !== frame.width + 2 * frame.border) frame.show(source);
    canvas.classList.remove("stn-pixels");
    outline(frame.clear(), theta, source, frame.at);
  }

  showView(theta, {size: [height, width], kernel, padding}) {
    this.canvas.classList.add("stn-pixels");
    paint(this.canvas, {pixels: warp(this.source, theta, height, width, kernel, padding), height, width});
  }
}

// Round numbers between two bounds: 0, 2, 4 …, or on a logarithmic axis 0.1, 0.2, 0.5, 1 ….
function ticks(lowest, highest, {log = false, count = 5, least = 0} = {}) {
  const rough = Math.max((highest - lowest) / count, least), ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find(k => k * ten >= rough);
  const even = Array.from({length: 20}, (_, k) => (Math.ceil(lowest / step - 1e-9) + k) * step);
  const factors = [-4, -3, -2, -1, 0, 1, 2].flatMap(k => [1, 2, 5].map(m => m * 10 ** k));
  return (log ? factors : even).filter(value => value > lowest - 1e-9 && value < highest + 1e-9);
}

// A diagram, white in every theme. `x`, which counts steps or epochs, and `y` are [lowest, highest];
// a curve is {points: [[x, y], …], colour, dots}. Returns the function from a point to the canvas.
function diagram(canvas, {x, y, log = false, xLabel, unit = "", curves}) {
  const {width, height} = canvas, g = canvas.getContext("2d");
  const left = 76, right = 34, top = 16, bottom = 62;
  const along = log ? Math.log : value => value;
  const at = ([px, py]) => [
    left + (width - left - right) * (px - x[0]) / (x[1] - x[0]),
    height - bottom - (height - top - bottom) * (along(py) - along(y[0])) / (along(y[1]) - along(y[0]))];
  g.fillStyle = "white"; g.fillRect(0, 0, width, height);
  g.font = "22px sans-serif"; g.fillStyle = "#333";
  g.textAlign = "right"; g.textBaseline = "middle";
  for (const value of ticks(...y, {log})) {
    const [, row] = at([x[0], value]);
    trace(g, [[left, row], [width - right, row]], "#ddd", 2);
    g.fillText(`${Number(value.toPrecision(3))}${unit}`, left - 8, row);
  }
  g.textAlign = "center"; g.textBaseline = "top";
  for (const value of ticks(...x, {count: 8, least: 1})) {
    g.fillText(value, at([value, y[0]])[0], height - bottom + 6);
  }
  g.textAlign = "right";
  g.fillText(xLabel, width - right, height - 28);
  trace(g, [[left, top], [left, height - bottom], [width - right, height - bottom]], "#333", 2);
  for (const {points, colour, dots} of curves) {
    trace(g, points.map(at), colour, 4);
    if (dots) for (const point of points) dot(g, at(point), 6, colour);
  }
  return at;
}
