// A point to be dragged between the pixels of a tiny image: its neighbours, their weights as areas,
// the value and the slope that it finds there and along its row and column.

const ROOM = 2.5; // pixels that are shown around the image
const STEP = 0.05; // of keys and mouse, in pixels
const LENGTH = 2.5; // of the arrow for a slope of 1, in pixels
const SHADES = [BLUE, ORANGE, GREEN, PURPLE], INKS = ["white", "black", "white", "black"]; // of a, b, c, d
const INK = "#222222", PALE = "#bbbbbb";
const SQUARE = 320, EDGE = 62, STRIP = 270; // canvas pixels: the square of weights, its margin, a strip

// A canvas with twice as many pixels as it is wide on the screen, so that numbers stay sharp.
function sharpPanel(parent, title, width, height) {
  const canvas = panel(parent, title);
  Object.assign(canvas, {width, height});
  canvas.style.width = `${width / 2}px`;
  return canvas;
}

function wipe(canvas, colour) {
  const g = canvas.getContext("2d");
  g.fillStyle = colour;
  g.fillRect(0, 0, canvas.width, canvas.height);
  return g;
}

function inscribe(g, text, [x, y], size, colour = INK, align = "center") {
  g.font = `${size}px sans-serif`; g.textAlign = align; g.textBaseline = "middle"; g.fillStyle = colour;
  g.fillText(text, x, y);
}

// A neighbour's letter on a disc of its colour.
function badge(g, k, place, radius) {
  dot(g, place, radius, SHADES[k], "white");
  inscribe(g, NAMES[k], place, 1.5 * radius, INKS[k]);
}

// A function that is straight between its breaks. Where it jumps, a full dot is its value at the
// break, an open one the end of a piece.
function curve(g, f, breaks, at) {
  const near = 1e-6, differ = (one, other) => Math.abs(one - other) > 1e-4;
  for (let k = 1; k < breaks.length; k++) {
    const [from, to] = [breaks[k - 1], breaks[k]];
    trace(g, [at(from, f(from + near)), at(to, f(to - near))], INK, 4);
  }
  for (const t of breaks.slice(1, -1)) {
    const sides = [f(t - near), f(t + near)];
    if (!differ(...sides)) continue;
    for (const end of sides) if (differ(end, f(t))) dot(g, at(t, end), 5, "white", INK);
    dot(g, at(t, f(t)), 5, INK);
  }
}

// V and its slope along the row (axis 0, drawn upwards) or the column (axis 1, drawn to the right)
// through the point. `look` inspects any place on that line; its pixels lie as in the image.
function drawStrip(canvas, axis, look, here, count, kernel) {
  const g = wipe(canvas, "white"), zoom = (axis ? canvas.height : canvas.width) / (count - 1 + 2 * ROOM);
  const turn = (along, up) => axis ? [up, along] : [along, STRIP - up];
  const line = (t, up) => turn((t + ROOM) * zoom, up);
  const value = (t, v) => line(t, (axis ? 20 : 160) + 90 * v), slope = (t, s) => line(t, (axis ? 190 : 75) + 50 * s);
  const from = -ROOM, to = count - 1 + ROOM, breaks = [from];
  for (let t = kernel === "nearest" ? -1.5 : -2; t < to; t++) breaks.push(t);
  breaks.push(to);
  for (let t = 0; t < count; t++) {
    trace(g, [line(t, 0), line(t, STRIP)], PALE, 1);
    inscribe(g, String(t), line(t + (axis ? 0 : 0.12), axis ? 122 : 146), 18, "#666666");
  }
  for (const base of [value, slope]) trace(g, [base(from, 0), base(to, 0)], PALE, 2);
  trace(g, [line(here, 0), line(here, STRIP)], SKY, 4);
  curve(g, t => look(t).value, breaks, value);
  curve(g, t => look(t).slope[axis], breaks, slope);
  const now = look(here);
  for (const place of [value(here, now.value), slope(here, now.slope[axis])]) dot(g, place, 9, SKY, "black");
  inscribe(g, "V", turn(axis ? 18 : 8, axis ? 112 : 244), 22, INK, "left");
  inscribe(g, axis ? "∂V/∂y" : "∂V/∂x", turn(axis ? 18 : 8, axis ? 197 : 108), 22, INK, "left");
  canvas.setAttribute("aria-label", `${axis ? "down the column" : "along the row"} through the point: `
    + `V, ${fixed(now.value, 3)} here, and its slope, ${fixed(now.slope[axis], 3)} here`);
}

// The unit square between the neighbours. Each weighs as much as the area of the rectangle opposite
// it, drawn in its colour and hatched in a direction of its own.
function drawWeights(canvas, {values, weights, u, v, p, q}, kernel) {
  const g = wipe(canvas, "white"), at = (s, t) => [EDGE + s * SQUARE, EDGE + t * SQUARE];
  const opposite = k => [...at(k & 1 ? 0 : p, k >> 1 ? 0 : q), // left, top, width, height
                         (k & 1 ? p : 1 - p) * SQUARE, (k >> 1 ? q : 1 - q) * SQUARE];
  for (let k = 0; k < 4; k++) {
    g.save();
    g.beginPath(); g.rect(...opposite(k)); g.clip();
    g.fillStyle = SHADES[k]; g.fillRect(...opposite(k));
    g.translate(...at(0.5, 0.5)); g.rotate(k * Math.PI / 4);
    for (let t = -SQUARE; t < SQUARE; t += 18) trace(g, [[t, -SQUARE], [t, SQUARE]], "#ffffff66", 3);
    g.restore();
  }
  const [cutX, cutY] = kernel === "nearest" ? [0.5, 0.5] : [u, v]; // where the weights change hands
  for (const cut of [[at(cutX, 0), at(cutX, 1)], [at(0, cutY), at(1, cutY)]]) trace(g, cut, INK, 2);
  trace(g, [at(0, 0), at(1, 0), at(1, 1), at(0, 1)], INK, 2, true);
  for (let k = 0; k < 4; k++) {
    const [left, top, w, h] = opposite(k), words = [NAMES[k], fixed(weights[k], 3)];
    const lines = w < 116 ? words : [words.join(" ")], wide = w < 116 ? 68 : 104, high = 28 * lines.length;
    if (w > wide && h > high) {
      g.fillStyle = "#ffffffdd"; g.fillRect(left + (w - wide) / 2, top + (h - high) / 2, wide, high);
      lines.forEach((text, i) => inscribe(g, text, [left + w / 2, top + (h - high) / 2 + 28 * i + 15], 24));
    }
    const [x, y] = at(k & 1, k >> 1), away = k >> 1 ? 30 : -30;
    badge(g, k, [x, y + away], 20);
    inscribe(g, fixed(values[k]), [x + (k & 1 ? -30 : 30), y + away], 26, INK, k & 1 ? "right" : "left");
  }
  dot(g, at(u, v), 12, SKY, "black");
  const areas = NAMES.map((name, k) => `${name} ${fixed(weights[k], 3)}`).join(", ");
  canvas.setAttribute("aria-label", `the weights as areas: ${areas}`);
}

function render({model, el}) {
  frame(el);
  const rows = model.get("rows"), height = rows.length, width = rows[0].length;
  const zoom = 2 * Math.floor(380 / (Math.max(height, width) + 4)); // canvas pixels for one of the image
  const across = (width + 4) * zoom, down = (height + 4) * zoom;
  const aligned = make("div", {className: "stn-aligned"}), beside = make("div", {className: "stn-beside"});
  const numbers = make("div", {className: "stn-numbers"});
  el.append(make("div", {className: "stn-pictures"}, aligned, beside), numbers);
  aligned.style.gridTemplateColumns = `${across}fr ${STRIP}fr`;
  const imageCanvas = sharpPanel(aligned, "", across, down);
  const downStrip = sharpPanel(aligned, "down the column", STRIP, down);
  const acrossStrip = sharpPanel(aligned, "along the row", across, STRIP);
  const weightCanvas = sharpPanel(beside, "", SQUARE + 2 * EDGE, SQUARE + 2 * EDGE);
  const title = (canvas, text) => { canvas.closest("figure").firstChild.textContent = text; };
  let gradient = false; // show ∂V/∂U in place of the pixels' values

  const reach = model.get("reach"); // pixels by which the point may leave the image
  const last = [width - 1 + reach, height - 1 + reach];
  const send = saver(model), save = changes => { send(changes); tell(""); redraw(); };
  const moveTo = (x, y) => save({x: clamp(x, -reach, last[0]), y: clamp(y, -reach, last[1])});
  const byAxis = [x => moveTo(x, model.get("y")), y => moveTo(model.get("x"), y)];
  const typed = row(beside, "(x, y) = (");
  const fields = ["x in pixels", "y in pixels"].map((label, k) =>
    numberField(typed, {label, min: -reach, max: last[k]}, byAxis[k], text => tell(text)));
  fields[0].input.after(",");
  typed.append(")");
  const sliders = ["x", "y"].map((label, k) =>
    slider(row(beside), {label, min: -reach, max: last[k], step: STEP}, byAxis[k]));
  const followSampler = samplerChoices(row(beside), model, save);
  toggle(row(beside), "show ∂V/∂U, equation (6), in the pixels", on => { gradient = on; redraw(); });
  const tell = messages(el);

  const snap = pixels => Math.round((pixels / zoom - ROOM) / STEP) / (1 / STEP);
  const point = handle(imageCanvas, "point that is looked at", (x, y) => moveTo(snap(x), snap(y)), STEP * zoom);
  point.knob.classList.add("stn-point");
  const at = (x, y) => [(x + ROOM) * zoom, (y + ROOM) * zoom];

  // The number in column m, row n; outside of the image what the padding imagines there.
  function shown(m, n, inside, {places, weights}) {
    if (gradient) return weights[places.findIndex(([column, line]) => column === m && line === n)] ?? 0;
    if (inside) return rows[n][m];
    return model.get("padding") === "border" ? rows[clamp(n, 0, height - 1)][clamp(m, 0, width - 1)] : 0;
  }

  // All pixels with their numbers. They cost the most to draw, so they are kept until they change.
  const cells = make("canvas", {width: across, height: down});
  let kept = null;
  function drawCells(look) {
    const now = gradient ? `${look.places[0]}: ${look.weights}` : model.get("padding");
    if (now === kept) return cells;
    kept = now;
    const g = wipe(cells, "#b8b8b8");
    for (let n = -2; n < height + 2; n++) {
      for (let m = -2; m < width + 2; m++) {
        const inside = m >= 0 && m < width && n >= 0 && n < height;
        if (gradient && !inside) continue; // no pixel, no gradient
        const value = shown(m, n, inside, look), grey = Math.round(255 * value), [x, y] = at(m, n);
        const side = inside ? zoom : zoom - 4, text = zoom < 60 ? fixed(value).replace("0.", ".") : fixed(value);
        g.globalAlpha = inside ? 1 : 0.15; // those outside are pale, and set apart
        g.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
        g.fillRect(x - side / 2, y - side / 2, side, side);
        g.globalAlpha = 1;
        inscribe(g, text, [x, y], clamp(0.3 * zoom, 15, 26), !inside ? "#555555" : value > 0.5 ? "black" : "white");
      }
    }
    return cells;
  }

  function drawImage(x, y, look) {
    const g = imageCanvas.getContext("2d");
    g.drawImage(drawCells(look), 0, 0);
    g.globalAlpha = 0.7; // the numbers show through
    trace(g, [at(x, -ROOM), at(x, height + ROOM)], SKY, 3);
    trace(g, [at(-ROOM, y), at(width + ROOM, y)], SKY, 3);
    g.globalAlpha = 1;
    look.places.forEach((place, k) => {
      const [centreX, centreY] = at(...place), away = 0.3 * zoom;
      for (const [shade, thickness] of [["white", 9], [SHADES[k], 6]]) {
        g.beginPath(); g.arc(centreX, centreY, 0.4 * zoom, 0, 7);
        g.strokeStyle = shade; g.lineWidth = thickness; g.stroke();
      }
      const corner = [centreX + (k & 1 ? away : -away), centreY + (k >> 1 ? away : -away)];
      badge(g, k, corner, Math.max(0.16 * zoom, 11));
    });
    if (!gradient && Math.hypot(...look.slope) > 0.005) {
      const arrowhead = at(x + LENGTH * look.slope[0], y + LENGTH * look.slope[1]);
      trace(g, [at(x, y), arrowhead], "white", 11);
      arrow(g, at(x, y), arrowhead, "black", 6);
    }
    point.place(...at(x, y), `x ${fixed(x)}, y ${fixed(y)}`);
    title(imageCanvas, gradient ? "∂V/∂U: how much each pixel counts" : "image: the arrow points to where V grows");
    const what = `${height} by ${width} pixels with their ${gradient ? "weights" : "values"}`;
    const found = `the point at x ${fixed(x)}, y ${fixed(y)} finds ${fixed(look.value, 3)}`;
    imageCanvas.setAttribute("aria-label", `${what}; ${found}`);
  }

  function draw() {
    const [x, y, kernel, padding] = ["x", "y", "kernel", "padding"].map(name => model.get(name));
    const look = inspect(rows, x, y, kernel, padding);
    drawImage(x, y, look);
    drawStrip(acrossStrip, 0, t => inspect(rows, t, y, kernel, padding), x, width, kernel);
    drawStrip(downStrip, 1, t => inspect(rows, x, t, kernel, padding), y, height, kernel);
    drawWeights(weightCanvas, look, kernel);
    title(weightCanvas, kernel === "nearest" ? "weights: the nearest takes all" : "weights: the area opposite");
    [x, y].forEach((value, k) => { fields[k].set(value); sliders[k].set(value); });
    followSampler();
    const {terms, total, slopes} = sums(look, kernel);
    const coloured = terms.flatMap((text, k) => {
      const term = make("span", {className: "stn-term"}, text, make("sub", {}, NAMES[k]));
      term.style.borderColor = SHADES[k];
      return [k ? " + " : "", term];
    });
    const lines = [...slopes, ...remarks(rows, x, y, kernel, padding)].map(text => make("div", {}, text));
    numbers.replaceChildren(make("div", {}, "V = ", ...coloured, ` = ${total}`), ...lines);
  }
  const redraw = oncePerFrame(draw);

  draw();
  const follow = "change:x change:y change:kernel change:padding";
  model.on(follow, redraw);
  return () => {
    redraw.cancel();
    model.off(follow, redraw);
  };
}

export default {render};
