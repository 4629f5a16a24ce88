// One pixel of the target at a time: its coordinates, θ times them written out in numbers, and the
// place in the source where it finds its value.

// A row of θ times the column (xₜ, yₜ, 1), written out.
const productInWords = (name, [a, b, c], [x, y], result) => `${name} = ${bracketed(a, 3)}·${bracketed(x, 3)} + `
  + `${bracketed(b, 3)}·${bracketed(y, 3)} + ${bracketed(c, 3)}·1 = ${fixed(result, 3)}`;

const isGrey = ({pixels}) => pixels.every((value, i) => i % 4 === 3 || value === pixels[i - i % 4]);

// The colour found, as a patch and in numbers from 0 to 1.
function colourPatch([red, green, blue], grey) {
  const names = grey ? [""] : ["red ", "green ", "blue "];
  const numbers = names.map((name, i) => name + fixed([red, green, blue][i] / 255)).join(", ");
  const patch = makeElement("span", {className: "stn-swatch"});
  patch.style.background = `rgb(${red}, ${green}, ${blue})`;
  return [patch, ` ${numbers}`];
}

const RING_RADIUS = 9; // of the rings around the pixel and around the place at which it looks

// A ring with a white edge, so that it shows on every picture.
function drawRing(g, [x, y]) {
  for (const [shade, thickness] of [["white", 6], [PURPLE, 3]]) {
    g.beginPath(); g.arc(x, y, RING_RADIUS, 0, 7);
    g.strokeStyle = shade; g.lineWidth = thickness; g.stroke();
  }
}

// The same with an arrow that ends there, if it is long enough to leave the ring.
function drawArrowToRing(g, [x, y], [toX, toY]) {
  const part = 1 - RING_RADIUS / Math.hypot(toX - x, toY - y);
  if (part > 0) {
    const end = [x + part * (toX - x), y + part * (toY - y)];
    drawLine(g, [[x, y], end], "white", 6);
    drawArrow(g, [x, y], end, PURPLE, 3);
  }
  drawRing(g, [toX, toY]);
}

class GridView {
  pointed = null; // the pixel under the mouse, which goes before the one that is kept
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    this.source = pictureFromRgb(model.get("source"));
    Object.assign(this, {model, save: saver(model), grey: isGrey(this.source)});
    this.maxDots = model.get("max_dots"); // on a side of the grid; more of them would hide the picture
    this.addPictures(el);
    this.addControls(el);
    this.tell = messageLine(el);
    this.followPointer();
    this.view.show(this.source);
    this.draw();
  }

  write = theta => { writeTheta(this.model, theta); this.tell(""); this.redraw(); };

  keep(pixel) {
    this.save({pixel});
    this.redraw();
  }

  point(pixel) {
    this.pointed = pixel;
    this.redraw();
  }

  addPictures(el) {
    const pictures = makeElement("div", {className: "stn-pictures"});
    this.numbers = makeElement("div", {className: "stn-numbers"});
    el.append(pictures, this.numbers);
    this.sourceCanvas = panel(pictures, "source: where the pixels of the target look");
    this.targetCanvas = panel(pictures, "target: point at a pixel, click to keep it");
    this.view = new SourceView(this.sourceCanvas, {side: 270});
    this.target = new SourceView(this.targetCanvas, {side: 290, margin: 0.06});
  }

  addControls(el) {
    const {model, source} = this, start = readTheta(model);
    const names = ["rotation", "scale", "shear", "x", "y"];
    this.sliders = thetaSliders(el, names, () => [source.height, source.width], this.write);
    const sides = row(el);
    this.sides = ["rows", "columns"].map((label, axis) =>
      slider(sides, {label, min: 1, max: this.maxDots, step: 1, digits: 0}, side => {
        const size = model.get("size").map((old, k) => k === axis ? side : old);
        this.save({size, pixel: this.inside(model.get("pixel"), size)});
      }));
    button(sides, "reset", () => this.write(start), "reset θ to the start");
  }

  inside = (pixel, size) => pixel.map((n, axis) => clamp(n, 0, size[axis] - 1));

  pixelAt(x, y) { // from canvas pixels to [row, column]
    const [column, line] = this.target.canvasToPixel(x, y);
    return this.inside([Math.round(line), Math.round(column)], this.model.get("size"));
  }

  followPointer() {
    const {targetCanvas} = this, stage = targetCanvas.parentElement;
    this.handle = handle(targetCanvas, "pixel of the target",
      (x, y) => { this.pointed = null; this.keep(this.pixelAt(x, y)); }, () => this.target.zoom);
    this.handle.knob.classList.add("stn-ring");
    const under = event => { // the pixel under the mouse
      const box = targetCanvas.getBoundingClientRect(), scale = box.width / targetCanvas.width || 1;
      return this.pixelAt((event.clientX - box.x) / scale, (event.clientY - box.y) / scale);
    };
    stage.addEventListener("pointermove", event => this.point(under(event)));
    stage.addEventListener("pointerleave", () => this.point(null));
    stage.addEventListener("click", event => { if (event.detail) this.keep(under(event)); }); // detail 0: by key
  }

  // All points of the grid, where they look and where they are.
  drawPoints(g, h, theta, height, width) {
    const radius = clamp(this.target.zoom / 7, 2, 4);
    for (let n = 0; n < height; n++) {
      for (let m = 0; m < width; m++) {
        const looks = applyTheta(theta, pixelCentre(m, width), pixelCentre(n, height));
        drawDot(g, this.view.toCanvas(...looks), radius, BLUE, "white");
        drawDot(h, this.target.pixelToCanvas(m, n), radius, BLUE, "white");
      }
    }
  }

  draw() {
    const {model, view, target, source} = this, theta = readTheta(model), [height, width] = model.get("size");
    const [line, column] = this.inside(this.pointed ?? model.get("pixel"), [height, width]);
    const pixels = warp(source, theta, height, width);
    target.show({pixels, height, width});
    const g = view.clear(), h = target.clear();
    drawRegion(g, theta, view.toCanvas);
    if (Math.max(height, width) <= this.maxDots) this.drawPoints(g, h, theta, height, width);
    // From the place that the pixel has itself to the place at which θ makes it look.
    const x = pixelCentre(column, width), y = pixelCentre(line, height), looks = applyTheta(theta, x, y);
    drawArrowToRing(g, view.toCanvas(x, y), view.toCanvas(...looks));
    drawRing(h, target.pixelToCanvas(column, line));
    const [keptLine, keptColumn] = model.get("pixel");
    this.handle.place(...target.pixelToCanvas(keptColumn, keptLine), `row ${keptLine}, column ${keptColumn}`);
    this.explain(theta, [line, column], [x, y], looks, pixels.subarray(4 * (line * width + column)));
    followOrTell(this.sliders, theta, this.tell);
    this.sides.forEach((side, axis) => side.set(model.get("size")[axis]));
  }

  // Equation (1) for one pixel, in numbers.
  explain(theta, [line, column], [x, y], [xs, ys], rgb) {
    const {source} = this, [height, width] = this.model.get("size"), [m, n] = toPixels(xs, ys, source);
    const out = Math.max(Math.abs(xs), Math.abs(ys)) > 1 + 1e-5;
    const place = `column ${fixed(m)}, row ${fixed(n)}: ${out ? "outside" : "inside"} the source`;
    const own = `(xₜ, yₜ, 1) = (${fixed(x, 3)}, ${fixed(y, 3)}, 1)`;
    const lines = [
      [`row ${line}, column ${column} of the target: ${own}, which is column ${line * width + column} of G`],
      [productInWords("xₛ", theta.slice(0, 3), [x, y], xs)],
      [productInWords("yₛ", theta.slice(3), [x, y], ys)],
      [`in pixels: ${place}`],
      ["found there: ", ...colourPatch(rgb, this.grey)],
    ];
    this.numbers.replaceChildren(...lines.map(parts => makeElement("div", {}, ...parts)));
    this.sourceCanvas.setAttribute("aria-label",
      `source, ${source.height} by ${source.width} pixels, with the region that is read; an arrow ends at ${place}`);
    this.targetCanvas.setAttribute("aria-label",
      `target, ${height} by ${width} pixels; the one in row ${line}, column ${column} is ringed`);
  }
}

function render({model, el}) {
  const view = new GridView(model, setUpRoot(el));
  const stopListening = listenTo(model, {"change:theta change:size change:pixel": view.redraw});
  return () => { view.redraw.cancel(); stopListening(); };
}

export default {render};
