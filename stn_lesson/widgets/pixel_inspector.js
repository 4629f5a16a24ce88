// A point to be dragged between the pixels of a tiny image: its neighbours, their weights as areas,
// the value and the slope that it finds there and along its row and column.

const MARGIN = 2.5; // pixels that are shown around the image
const POINT_STEP = 0.05; // of keys and mouse, in pixels
const SLOPE_LENGTH = 2.5; // of the arrow for a slope of 1, in pixels
const NEIGHBOUR_COLOURS = [BLUE, ORANGE, GREEN, PURPLE]; // of a, b, c, d
const LETTER_COLOURS = ["white", "black", "white", "black"]; // on them
const TEXT_COLOUR = "#222222", AXIS_COLOUR = "#bbbbbb";
// In canvas pixels: the square of weights and what is around it; a strip.
const SQUARE_SIDE = 320, SQUARE_MARGIN = 62, STRIP_HEIGHT = 270;

// A canvas with twice as many pixels as it is wide on the screen, so that numbers stay sharp.
function sharpPanel(parent, title, width, height) {
  const canvas = panel(parent, title);
  Object.assign(canvas, {width, height});
  canvas.style.width = `${width / 2}px`;
  return canvas;
}

function fillCanvas(canvas, colour) {
  const g = canvas.getContext("2d");
  g.fillStyle = colour;
  g.fillRect(0, 0, canvas.width, canvas.height);
  return g;
}

function drawText(g, text, [x, y], size, colour = TEXT_COLOUR, align = "center") {
  g.font = `${size}px sans-serif`; g.textAlign = align; g.textBaseline = "middle"; g.fillStyle = colour;
  g.fillText(text, x, y);
}

// A neighbour's letter on a disc of its colour.
function drawBadge(g, k, place, radius) {
  drawDot(g, place, radius, NEIGHBOUR_COLOURS[k], "white");
  drawText(g, NEIGHBOUR_NAMES[k], place, 1.5 * radius, LETTER_COLOURS[k]);
}

// A function that is straight between its breaks. Where it jumps, a full dot is its value at the
// break, an open one the end of a piece.
function drawPiecewise(g, f, breaks, at) {
  const near = 1e-6, differ = (one, other) => Math.abs(one - other) > 1e-4;
  for (let k = 1; k < breaks.length; k++) {
    const [from, to] = [breaks[k - 1], breaks[k]];
    drawLine(g, [at(from, f(from + near)), at(to, f(to - near))], TEXT_COLOUR, 4);
  }
  for (const t of breaks.slice(1, -1)) {
    const sides = [f(t - near), f(t + near)];
    if (!differ(...sides)) continue;
    for (const end of sides) if (differ(end, f(t))) drawDot(g, at(t, end), 5, "white", TEXT_COLOUR);
    drawDot(g, at(t, f(t)), 5, TEXT_COLOUR);
  }
}

// V and its slope along the row (axis 0, drawn upwards) or the column (axis 1, drawn to the right)
// through the point. `look` inspects any place on that line; its pixels lie as in the image.
function drawStrip(canvas, axis, look, here, count, kernel) {
  const g = fillCanvas(canvas, "white"), zoom = (axis ? canvas.height : canvas.width) / (count - 1 + 2 * MARGIN);
  const turn = (along, up) => axis ? [up, along] : [along, STRIP_HEIGHT - up];
  const line = (t, up) => turn((t + MARGIN) * zoom, up);
  const value = (t, v) => line(t, (axis ? 20 : 160) + 90 * v), slope = (t, s) => line(t, (axis ? 190 : 75) + 50 * s);
  const from = -MARGIN, to = count - 1 + MARGIN, breaks = [from];
  for (let t = kernel === "nearest" ? -1.5 : -2; t < to; t++) breaks.push(t);
  breaks.push(to);
  for (let t = 0; t < count; t++) {
    drawLine(g, [line(t, 0), line(t, STRIP_HEIGHT)], AXIS_COLOUR, 1);
    drawText(g, String(t), line(t + (axis ? 0 : 0.12), axis ? 122 : 146), 18, "#666666");
  }
  for (const base of [value, slope]) drawLine(g, [base(from, 0), base(to, 0)], AXIS_COLOUR, 2);
  drawLine(g, [line(here, 0), line(here, STRIP_HEIGHT)], SKY, 4);
  drawPiecewise(g, t => look(t).value, breaks, value);
  drawPiecewise(g, t => look(t).slope[axis], breaks, slope);
  const now = look(here);
  for (const place of [value(here, now.value), slope(here, now.slope[axis])]) drawDot(g, place, 9, SKY, "black");
  drawText(g, "V", turn(axis ? 18 : 8, axis ? 112 : 244), 22, TEXT_COLOUR, "left");
  drawText(g, axis ? "∂V/∂y" : "∂V/∂x", turn(axis ? 18 : 8, axis ? 197 : 108), 22, TEXT_COLOUR, "left");
  canvas.setAttribute("aria-label", `${axis ? "down the column" : "along the row"} through the point: `
    + `V, ${fixed(now.value, 3)} here, and its slope, ${fixed(now.slope[axis], 3)} here`);
}

// The unit square between the neighbours. Each weighs as much as the area of the rectangle opposite
// it, drawn in its colour and hatched in a direction of its own.
function drawWeights(canvas, {values, weights, u, v, p, q}, kernel) {
  const g = fillCanvas(canvas, "white");
  const at = (s, t) => [SQUARE_MARGIN + s * SQUARE_SIDE, SQUARE_MARGIN + t * SQUARE_SIDE];
  const opposite = k => [...at(k & 1 ? 0 : p, k >> 1 ? 0 : q), // left, top, width, height
                         (k & 1 ? p : 1 - p) * SQUARE_SIDE, (k >> 1 ? q : 1 - q) * SQUARE_SIDE];
  for (let k = 0; k < 4; k++) {
    g.save();
    g.beginPath(); g.rect(...opposite(k)); g.clip();
    g.fillStyle = NEIGHBOUR_COLOURS[k]; g.fillRect(...opposite(k));
    g.translate(...at(0.5, 0.5)); g.rotate(k * Math.PI / 4);
    for (let t = -SQUARE_SIDE; t < SQUARE_SIDE; t += 18) {
      drawLine(g, [[t, -SQUARE_SIDE], [t, SQUARE_SIDE]], "#ffffff66", 3);
    }
    g.restore();
  }
  const [cutX, cutY] = kernel === "nearest" ? [0.5, 0.5] : [u, v]; // where the weights change hands
  for (const cut of [[at(cutX, 0), at(cutX, 1)], [at(0, cutY), at(1, cutY)]]) drawLine(g, cut, TEXT_COLOUR, 2);
  drawLine(g, [at(0, 0), at(1, 0), at(1, 1), at(0, 1)], TEXT_COLOUR, 2, true);
  for (let k = 0; k < 4; k++) {
    const [left, top, w, h] = opposite(k), words = [NEIGHBOUR_NAMES[k], fixed(weights[k], 3)];
    const lines = w < 116 ? words : [words.join(" ")], wide = w < 116 ? 68 : 104, high = 28 * lines.length;
    if (w > wide && h > high) {
      g.fillStyle = "#ffffffdd"; g.fillRect(left + (w - wide) / 2, top + (h - high) / 2, wide, high);
      lines.forEach((text, i) => drawText(g, text, [left + w / 2, top + (h - high) / 2 + 28 * i + 15], 24));
    }
    const [x, y] = at(k & 1, k >> 1), away = k >> 1 ? 30 : -30;
    drawBadge(g, k, [x, y + away], 20);
    drawText(g, fixed(values[k]), [x + (k & 1 ? -30 : 30), y + away], 26, TEXT_COLOUR, k & 1 ? "right" : "left");
  }
  drawDot(g, at(u, v), 12, SKY, "black");
  const areas = NEIGHBOUR_NAMES.map((name, k) => `${name} ${fixed(weights[k], 3)}`).join(", ");
  canvas.setAttribute("aria-label", `the weights as areas: ${areas}`);
}

// All pixels with their numbers, on a canvas of their own. They cost the most to draw, so they are
// kept until they change. With `gradient` the numbers are ∂V/∂U, equation (6).
class PixelTable {
  drawn = null;

  constructor(rows, zoom) {
    Object.assign(this, {rows, zoom, height: rows.length, width: rows[0].length});
    this.canvas = makeElement("canvas", {width: (this.width + 4) * zoom, height: (this.height + 4) * zoom});
  }

  // The number in column m, row n; outside of the image what the padding imagines there.
  valueAt(m, n, inside, {places, weights}, padding, gradient) {
    const {rows, height, width} = this;
    if (gradient) return weights[places.findIndex(([column, line]) => column === m && line === n)] ?? 0;
    if (inside) return rows[n][m];
    return padding === "border" ? rows[clamp(n, 0, height - 1)][clamp(m, 0, width - 1)] : 0;
  }

  drawCell(g, m, n, inside, value) {
    const {zoom} = this, grey = Math.round(255 * value), side = inside ? zoom : zoom - 4;
    const x = (m + MARGIN) * zoom, y = (n + MARGIN) * zoom;
    const text = zoom < 60 ? fixed(value).replace("0.", ".") : fixed(value);
    g.globalAlpha = inside ? 1 : 0.15; // those outside are pale, and set apart
    g.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    g.fillRect(x - side / 2, y - side / 2, side, side);
    g.globalAlpha = 1;
    drawText(g, text, [x, y], clamp(0.3 * zoom, 15, 26), !inside ? "#555555" : value > 0.5 ? "black" : "white");
  }

  draw(look, padding, gradient) {
    const state = gradient ? `${look.places[0]}: ${look.weights}` : padding, {height, width} = this;
    if (state === this.drawn) return this.canvas;
    this.drawn = state;
    const g = fillCanvas(this.canvas, "#b8b8b8");
    for (let n = -2; n < height + 2; n++) {
      for (let m = -2; m < width + 2; m++) {
        const inside = m >= 0 && m < width && n >= 0 && n < height;
        if (gradient && !inside) continue; // no pixel, no gradient
        this.drawCell(g, m, n, inside, this.valueAt(m, n, inside, look, padding, gradient));
      }
    }
    return this.canvas;
  }
}

class InspectorView {
  gradient = false; // show ∂V/∂U in place of the pixels' values
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    const rows = model.get("rows"), height = rows.length, width = rows[0].length;
    const zoom = 2 * Math.floor(380 / (Math.max(height, width) + 4)); // canvas pixels for one of the image
    Object.assign(this, {model, rows, height, width, zoom, table: new PixelTable(rows, zoom)});
    this.maxOutside = model.get("max_outside"); // pixels by which the point may leave the image
    this.last = [width - 1 + this.maxOutside, height - 1 + this.maxOutside];
    const aligned = makeElement("div", {className: "stn-aligned"});
    const beside = makeElement("div", {className: "stn-beside"});
    this.numbers = makeElement("div", {className: "stn-numbers"});
    el.append(makeElement("div", {className: "stn-pictures"}, aligned, beside), this.numbers);
    this.addPictures(aligned);
    this.weightCanvas = sharpPanel(beside, "", SQUARE_SIDE + 2 * SQUARE_MARGIN, SQUARE_SIDE + 2 * SQUARE_MARGIN);
    this.addControls(beside);
    this.tell = messageLine(el);
    this.draw();
  }

  addPictures(parent) {
    const {zoom} = this, across = (this.width + 4) * zoom, down = (this.height + 4) * zoom;
    parent.style.gridTemplateColumns = `${across}fr ${STRIP_HEIGHT}fr`;
    this.imageCanvas = sharpPanel(parent, "", across, down);
    this.downStrip = sharpPanel(parent, "down the column", STRIP_HEIGHT, down);
    this.acrossStrip = sharpPanel(parent, "along the row", across, STRIP_HEIGHT);
    const snap = pixels => Math.round((pixels / zoom - MARGIN) / POINT_STEP) / (1 / POINT_STEP);
    this.point = handle(this.imageCanvas, "point that is looked at",
      (x, y) => this.moveTo(snap(x), snap(y)), POINT_STEP * zoom);
    this.point.knob.classList.add("stn-point");
  }

  addControls(parent) {
    const {model, maxOutside, last} = this;
    const move = [x => this.moveTo(x, model.get("y")), y => this.moveTo(model.get("x"), y)];
    const typed = row(parent, "(x, y) = (");
    this.fields = ["x in pixels", "y in pixels"].map((label, k) =>
      numberField(typed, {label, min: -maxOutside, max: last[k]}, move[k], text => this.tell(text)));
    this.fields[0].input.after(",");
    typed.append(")");
    this.sliders = ["x", "y"].map((label, k) =>
      slider(row(parent), {label, min: -maxOutside, max: last[k], step: POINT_STEP}, move[k]));
    this.followSampler = samplerChoices(row(parent), model, this.save);
    toggle(row(parent), "show ∂V/∂U, equation (6), in the pixels", on => { this.gradient = on; this.redraw(); });
  }

  save = changes => { saver(this.model)(changes); this.tell(""); this.redraw(); };
  moveTo(x, y) {
    const {maxOutside, last} = this;
    this.save({x: clamp(x, -maxOutside, last[0]), y: clamp(y, -maxOutside, last[1])});
  }

  // From pixels of the image to the canvas.
  toCanvas = (x, y) => [(x + MARGIN) * this.zoom, (y + MARGIN) * this.zoom];

  drawNeighbours(g, places) {
    const {zoom} = this, away = 0.3 * zoom;
    places.forEach((place, k) => {
      const [x, y] = this.toCanvas(...place);
      for (const [shade, thickness] of [["white", 9], [NEIGHBOUR_COLOURS[k], 6]]) {
        g.beginPath(); g.arc(x, y, 0.4 * zoom, 0, 7);
        g.strokeStyle = shade; g.lineWidth = thickness; g.stroke();
      }
      drawBadge(g, k, [x + (k & 1 ? away : -away), y + (k >> 1 ? away : -away)], Math.max(0.16 * zoom, 11));
    });
  }

  drawImage(x, y, look) {
    const {imageCanvas, toCanvas, gradient, height, width} = this, g = imageCanvas.getContext("2d");
    g.drawImage(this.table.draw(look, this.model.get("padding"), gradient), 0, 0);
    g.globalAlpha = 0.7; // the numbers show through
    drawLine(g, [toCanvas(x, -MARGIN), toCanvas(x, height + MARGIN)], SKY, 3);
    drawLine(g, [toCanvas(-MARGIN, y), toCanvas(width + MARGIN, y)], SKY, 3);
    g.globalAlpha = 1;
    this.drawNeighbours(g, look.places);
    if (!gradient && Math.hypot(...look.slope) > 0.005) {
      const tip = toCanvas(x + SLOPE_LENGTH * look.slope[0], y + SLOPE_LENGTH * look.slope[1]);
      drawLine(g, [toCanvas(x, y), tip], "white", 11);
      drawArrow(g, toCanvas(x, y), tip, "black", 6);
    }
    this.point.place(...toCanvas(x, y), `x ${fixed(x)}, y ${fixed(y)}`);
    setTitle(imageCanvas, gradient ? "∂V/∂U: how much each pixel counts" : "image: the arrow points to where V grows");
    const what = `${height} by ${width} pixels with their ${gradient ? "weights" : "values"}`;
    const found = `the point at x ${fixed(x)}, y ${fixed(y)} finds ${fixed(look.value, 3)}`;
    imageCanvas.setAttribute("aria-label", `${what}; ${found}`);
  }

  writeNumbers(look, x, y, kernel, padding) {
    const {terms, total, slopes} = sums(look, kernel);
    const coloured = terms.flatMap((text, k) => {
      const term = makeElement("span", {className: "stn-term"}, text, makeElement("sub", {}, NEIGHBOUR_NAMES[k]));
      term.style.borderColor = NEIGHBOUR_COLOURS[k];
      return [k ? " + " : "", term];
    });
    const lines = [...slopes, ...remarks(this.rows, x, y, kernel, padding)];
    this.numbers.replaceChildren(makeElement("div", {}, "V = ", ...coloured, ` = ${total}`),
      ...lines.map(text => makeElement("div", {}, text)));
  }

  draw() {
    const {rows, height, width, weightCanvas} = this;
    const [x, y, kernel, padding] = ["x", "y", "kernel", "padding"].map(name => this.model.get(name));
    const look = inspect(rows, x, y, kernel, padding);
    this.drawImage(x, y, look);
    drawStrip(this.acrossStrip, 0, t => inspect(rows, t, y, kernel, padding), x, width, kernel);
    drawStrip(this.downStrip, 1, t => inspect(rows, x, t, kernel, padding), y, height, kernel);
    drawWeights(weightCanvas, look, kernel);
    setTitle(weightCanvas, kernel === "nearest" ? "weights: the nearest takes all" : "weights: the area opposite");
    [x, y].forEach((value, k) => { this.fields[k].set(value); this.sliders[k].set(value); });
    this.followSampler();
    this.writeNumbers(look, x, y, kernel, padding);
  }
}

const setTitle = (canvas, text) => { canvas.closest("figure").firstChild.textContent = text; };

function render({model, el}) {
  const view = new InspectorView(model, setUpRoot(el));
  const stopListening = listenTo(model, {"change:x change:y change:kernel change:padding": view.redraw});
  return () => { view.redraw.cancel(); stopListening(); };
}

export default {render};
