// Source and target side by side, θ under your fingers: by sliders, by the corners of the region
// that is read, by its six numbers.

const OWN_PICTURE = "your own", MAX_SIDE = 256; // pixels of the longer side of an uploaded picture
const PRESETS = {
  "identity": {},
  "flip": {flip: true},
  "zoom on the centre": {scale: 2},
  "rotate 45°": {rotation: 45},
  "shear": {shear: 25},
};

// Forwards for once: every source pixel is sent to the place that θ⁻¹ gives it. Holes stay dark.
function warpForwards(source, theta, height, width) {
  const target = new Uint8ClampedArray(4 * height * width), inverse = invert(theta);
  for (let i = 3; i < target.length; i += 4) target[i] = 255;
  for (let n = 0; n < source.height; n++) {
    for (let m = 0; m < source.width; m++) {
      const place = applyTheta(inverse, pixelCentre(m, source.width), pixelCentre(n, source.height));
      const [x, y] = toPixels(...place, {height, width});
      const column = Math.floor(x + 0.5), line = Math.floor(y + 0.5);
      if (!(column >= 0 && column < width && line >= 0 && line < height)) continue;
      const from = 4 * (n * source.width + m);
      target.set(source.pixels.subarray(from, from + 4), 4 * (line * width + column));
    }
  }
  return target;
}

// A file as a picture of at most MAX_SIDE pixels a side, and a note if it was made smaller.
async function readPictureFile(file) {
  const image = await createImageBitmap(file), {width: W, height: H} = image;
  const shrink = Math.min(1, MAX_SIDE / Math.max(W, H));
  const width = Math.max(1, Math.round(shrink * W)), height = Math.max(1, Math.round(shrink * H));
  const g = makeElement("canvas", {width, height}).getContext("2d");
  g.fillStyle = "black"; // beneath what is transparent
  g.fillRect(0, 0, width, height);
  g.drawImage(image, 0, 0, width, height);
  image.close(); // a photograph takes tens of megabytes
  const {data} = g.getImageData(0, 0, width, height), rgb = new Uint8Array(3 * width * height);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) rgb.set(data.subarray(i, i + 3), j);
  const note = shrink < 1 ? `${file.name}: ${W}×${H} pixels, made smaller to ${width}×${height}.` : "";
  return [{bytes: new DataView(rgb.buffer), size: [height, width]}, note];
}

// θ with corner k of its region moved to (x, y). The centre and the two corners beside it stay; the
// opposite one mirrors it. Any parallelogram can be reached in this way, and nothing else.
function dragCorner(theta, k, x, y) {
  const [sx, sy] = CORNERS[k], [oldX, oldY] = applyTheta(theta, sx, sy);
  const dx = (x - oldX) / 2, dy = (y - oldY) / 2;
  return [theta[0] + sx * dx, theta[1] + sy * dx, theta[2],
          theta[3] + sx * dy, theta[4] + sy * dy, theta[5]];
}

// The line of Python that gives this θ.
function pythonCode(numbers, theta, [height, width]) {
  if (!numbers) return `theta = torch.tensor([[[${theta.slice(0, 3).join(", ")}], [${theta.slice(3).join(", ")}]]])`;
  const {rotation, scale, stretch, shear, x, y, flip} = numbers, n = value => Number(value.toFixed(4));
  const words = [];
  if (n(rotation)) words.push(`rotation=${n(rotation)}`);
  const across = flip ? -scale : scale, down = scale * stretch;
  if (n(across) !== n(down)) words.push(`scale=(${n(across)}, ${n(down)})`);
  else if (n(scale) !== 1) words.push(`scale=${n(scale)}`);
  if (n(shear)) words.push(`shear=${n(shear)}`);
  if (n(x) || n(y)) words.push(`translation=(${n(x)}, ${n(y)})`);
  if (height !== width) words.push(`size=(${height}, ${width})`);
  return `theta = stn.affine_theta(${words.join(", ")})`;
}

// The choice among the pictures, and a button to bring one's own. Returns what lets it follow.
function pictureChooser(parent, model, save, tell) {
  const select = choice(parent, "picture", [], name => { save({chosen: name}); tell(""); });
  const file = makeElement("input", {type: "file", accept: "image/*", hidden: true, "aria-label": "a picture of your own"});
  button(parent, "your own picture …", () => file.click());
  parent.append(file);

  async function upload(chosen) {
    try {
      const [own, note] = await readPictureFile(chosen);
      save({pictures: {...model.get("pictures"), [OWN_PICTURE]: own}, target_size: [], chosen: OWN_PICTURE});
      tell(note);
    } catch {
      tell(`${chosen.name} is not a picture that this browser can read: try a PNG or a JPEG file.`);
    }
  }
  file.addEventListener("change", async () => {
    if (file.files[0]) await upload(file.files[0]);
    file.value = ""; // the same one may be chosen again
  });
  return () => {
    const names = Object.keys(model.get("pictures"));
    for (const name of names.slice(select.length)) select.append(makeElement("option", {value: name}, name));
    select.value = model.get("chosen");
  };
}

class WarpView {
  forwards = false; arrows = false;
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    Object.assign(this, {model, save: saver(model)});
    const pictures = makeElement("div", {className: "stn-pictures"}), controls = makeElement("div");
    el.append(pictures, controls);
    this.tell = messageLine(el);
    this.addPictures(pictures);
    this.sliders = thetaSliders(controls, model.get("sliders"), () => this.size, this.write);
    this.addPresets(row(controls));
    this.followTheta = thetaFields(controls, 2, model, this.write, this.tell);
    this.addChoices(row(controls), model.get("choices"));
    this.addHandles();
    this.load();
    this.draw();
  }

  get size() { return [this.source.height, this.source.width]; }

  write = theta => { writeTheta(this.model, theta); this.tell(""); this.redraw(); };

  load = () => {
    this.source = pictureFromRgb(this.model.get("pictures")[this.model.get("chosen")]);
    this.view.show(this.source);
    this.redraw();
  };

  addPictures(parent) {
    this.sourceCanvas = panel(parent, "source: where it looks");
    this.view = new SourceView(this.sourceCanvas);
    this.targetCanvas = panel(parent, "target: what it gets");
    this.targetCanvas.classList.add("stn-pixels");
  }

  addPresets(parent) {
    const start = readTheta(this.model);
    parent.setAttribute("role", "group");
    parent.setAttribute("aria-label", "presets");
    for (const [name, numbers] of Object.entries(PRESETS)) {
      button(parent, name, () => this.write(affineTheta({...IDENTITY, ...numbers}, ...this.size)));
    }
    button(parent, "reset", () => this.write(start), "reset to the start");
    button(parent, "copy as code", () => this.copyCode());
  }

  async copyCode() {
    const theta = readTheta(this.model), parts = decompose(theta, ...this.size);
    const code = pythonCode(parts && {...this.sliders.numbers}, theta, this.size);
    try { await navigator.clipboard.writeText(code); this.tell(`Copied: ${code}`); }
    catch { this.tell(`To copy: ${code}`); }
  }

  addChoices(parent, offered) {
    const {model, save} = this;
    this.followPicture = offered.includes("picture") ? pictureChooser(parent, model, save, this.tell) : null;
    this.followSampler = samplerChoices(parent, model, save, offered, ["zeros", "border", "reflection"]);
    const range = {label: "output size", min: 20, max: 256, step: 1, digits: 0, unit: " px"};
    this.outputSize = offered.includes("size") ? slider(parent, range, side => {
      const scale = side / Math.max(...this.size);
      save({target_size: this.size.map(n => Math.max(1, Math.round(n * scale)))});
    }) : null;
    if (offered.includes("arrows")) {
      toggle(parent, "show arrows", on => { this.arrows = on; this.redraw(); });
      toggle(parent, "send pixels forwards instead", on => { this.forwards = on; this.redraw(); });
    }
  }

  addHandles() {
    const {model, view, sourceCanvas} = this;
    this.corners = CORNER_NAMES.map((name, k) => handle(sourceCanvas, `${name} corner of the region that is read`,
      (x, y) => this.write(dragCorner(readTheta(model), k, ...view.toSource(x, y)))));
    this.corners[0].knob.classList.add("stn-first");
    this.middle = handle(sourceCanvas, "centre of the region that is read", (x, y) => {
      const theta = [...readTheta(model)];
      [theta[2], theta[5]] = view.toSource(x, y);
      this.write(theta);
    });
  }

  drawArrows(g, theta) { // from target pixels to where they look; when sent forwards, back
    const {toCanvas} = this.view;
    for (const y of [-1, -0.5, 0, 0.5, 1]) for (const x of [-1, -0.5, 0, 0.5, 1]) {
      const own = toCanvas(x, y), looks = toCanvas(...applyTheta(theta, x, y));
      drawArrow(g, ...(this.forwards ? [looks, own] : [own, looks]), BLUE);
    }
  }

  drawTarget(theta) {
    const {model, source, targetCanvas} = this, wanted = model.get("target_size");
    const [height, width] = wanted.length ? wanted : this.size;
    const pixels = this.forwards ? warpForwards(source, theta, height, width)
      : warp(source, theta, height, width, model.get("kernel"), model.get("padding"));
    paint(targetCanvas, {pixels, height, width});
    targetCanvas.style.width = `${280 * width / Math.max(height, width)}px`;
    targetCanvas.setAttribute("aria-label", `target: ${height} by ${width} pixels`);
    this.outputSize?.set(Math.max(height, width));
  }

  drawSource(theta) {
    const {view, source, corners, middle} = this, g = view.clear();
    const points = drawRegion(g, theta, view.toCanvas);
    if (this.arrows) this.drawArrows(g, theta);
    const where = (x, y) => applyTheta(theta, x, y).map((number, k) => `${"xy"[k]} ${fixed(number)}`).join(", ");
    corners.forEach((corner, k) => corner.place(...points[k], where(...CORNERS[k])));
    middle.place(...view.toCanvas(...applyTheta(theta, 0, 0)), where(0, 0));
    const what = `${this.model.get("chosen")}, ${source.height} by ${source.width} pixels`;
    this.sourceCanvas.setAttribute("aria-label", `source: ${what}, with the region that is read`);
  }

  draw() {
    const theta = readTheta(this.model);
    this.drawTarget(theta);
    this.drawSource(theta);
    this.followTheta(theta);
    followOrTell(this.sliders, theta, this.tell);
    this.followPicture?.();
    this.followSampler();
  }
}

function render({model, el}) {
  const view = new WarpView(model, setUpRoot(el));
  const stopListening = listenTo(model, {
    "change:theta change:kernel change:padding change:target_size": view.redraw,
    "change:chosen change:pictures": view.load,
  });
  return () => { view.redraw.cancel(); stopListening(); };
}

export default {render};
