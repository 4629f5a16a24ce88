// Diagrams of curves, drawn on a canvas.

// Round numbers between two bounds: 0, 2, 4 …, or on a logarithmic axis 0.1, 0.2, 0.5, 1 … (over
// many powers of ten, those alone).
function ticks(lowest, highest, {log = false, count = 5, least = 0} = {}) {
  const slack = value => 1e-9 * Math.abs(value);
  const inside = value => value >= lowest - slack(value) && value <= highest + slack(value);
  if (log) {
    const first = Math.floor(Math.log10(lowest)), powers = Math.ceil(Math.log10(highest)) - first;
    const factors = powers > 3 ? [1] : [1, 2, 5];
    const decades = Array.from({length: powers + 1}, (_, k) => factors.map(m => Number(`${m}e${first + k}`)));
    return decades.flat().filter(inside);
  }
  const rough = Math.max((highest - lowest) / count, least), ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find(k => k * ten >= rough);
  return Array.from({length: 20}, (_, k) => (Math.ceil(lowest / step - 1e-9) + k) * step).filter(inside);
}

// A number beside an axis, where there is room for five characters: 0.25, 20000, 5e-5.
function brief(value) {
  const short = Number(value.toPrecision(3)), size = Math.abs(short);
  return size > 0 && (size < 1e-3 || size >= 1e5) ? short.toExponential() : String(short);
}

// A diagram, white in every theme. `x`, which counts steps or epochs, and `y` are [lowest, highest];
// a curve is {points: [[x, y], …], colour, dots, dash, name}; names stand beneath. Returns the function from a point to the canvas.
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
    drawLine(g, [[left, row], [width - right, row]], "#ddd", 2);
    g.fillText(brief(value) + unit, left - 8, row);
  }
  g.textAlign = "center"; g.textBaseline = "top";
  for (const value of ticks(...x, {count: 8, least: 1})) {
    g.fillText(value, at([value, y[0]])[0], height - bottom + 6);
  }
  g.textAlign = "right";
  g.fillText(xLabel, width - right, height - 28);
  drawLine(g, [[left, top], [left, height - bottom], [width - right, height - bottom]], "#333", 2);
  let place = left;
  for (const {points, colour, dots, dash = [], name} of curves) {
    g.setLineDash(dash);
    drawLine(g, points.map(at), colour, 4);
    if (name) drawLine(g, [[place, height - 17], [place + 44, height - 17]], colour, 4);
    g.setLineDash([]);
    if (name) {
      g.textAlign = "left"; g.fillStyle = "#333";
      g.fillText(name, place + 52, height - 28);
      place += 52 + g.measureText(name).width + 24;
    }
    if (dots) for (const point of points) drawDot(g, at(point), 6, colour);
  }
  return at;
}
