// Source and target side by side, θ under your fingers: by sliders, by the corners of the region
// that is read, by its six numbers.

const OWN = "your own", LARGEST = 256; // pixels of the longer side of an uploaded picture
const PRESETS = {
  "identity": {},
  "flip": {flip: true},
  "zoom on the centre": {scale: 2},
  "rotate 45°": {rotation: 45},
  "shear": {shear: 25},
};

// Forwards for once: every source pixel is sent to the place that θ⁻¹ gives it. Holes stay dark.
function send(source, theta, height, width) {
  const target = new Uint8ClampedArray(4 * height * width), inverse = invert(theta);
  for (let i = 3; i < target.length; i += 4) target[i] = 255;
  for (let n = 0; n < source.height; n++) {
    for (let m = 0; m < source.width; m++) {
      const [x, y] = lookUp(inverse, centre(m, source.width), centre(n, source.height), {height, width});
      const column = Math.floor(x + 0.5), line = Math.floor(y + 0.5);
      if (!(column >= 0 && column < width && line >= 0 && line < height)) continue;
      const from = 4 * (n * source.width + m);
      target.set(source.pixels.subarray(from, from + 4), 4 * (line * width + column));
    }
  }
  return target;
}

// A file as a picture of at most LARGEST pixels a side, and a note if it was made smaller.
async function readFile(file) {
  const image = await createImageBitmap(file), {width: W, height: H} = image;
  const shrink = Math.min(1, LARGEST / Math.max(W, H));
  const width = Math.max(1, Math.round(shrink * W)), height = Math.max(1, Math.round(shrink * H));
  const g = make("canvas", {width, height}).getContext("2d");
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
  const [sx, sy] = CORNERS[k], [oldX, oldY] = apply(theta, sx, sy);
  const dx = (x - oldX) / 2, dy = (y - oldY) / 2;
  return [theta[0] + sx * dx, theta[1] + sy * dx, theta[2],
          theta[3] + sx * dy, theta[4] + sy * dy, theta[5]];
}

// The line of Python that gives this θ.
function asCode(numbers, theta, [height, width]) {
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
function chooser(parent, model, save, tell) {
  const select = choice(parent, "picture", [], name => { save({chosen: name}); tell(""); });
  const file = make("input", {type: "file", accept: "image/*", hidden: true, "aria-label": "a picture of your own"});
  button(parent, "your own picture …", () => file.click());
  parent.append(file);

  async function take(chosen) {
    try {
      const [own, note] = await readFile(chosen);
      save({pictures: {...model.get("pictures"), [OWN]: own}, target_size: [], chosen: OWN});
      tell(note);
    } catch {
      tell(`${chosen.name} is not a picture that this browser can read: try a PNG or a JPEG file.`);
    }
  }
  file.addEventListener("change", async () => {
    if (file.files[0]) await take(file.files[0]);
    file.value = ""; // the same one may be chosen again
  });
  return () => {
    const names = Object.keys(model.get("pictures"));
    for (const name of names.slice(select.length)) select.append(make("option", {value: name}, name));
    select.value = model.get("chosen");
  };
}

function render({model, el}) {
  frame(el);
  const pictures = make("div", {className: "stn-pictures"}), controls = make("div");
  el.append(pictures, controls);
  const tell = messages(el), save = saver(model);
  const sourceCanvas = panel(pictures, "source: where it looks"), view = new SourceView(sourceCanvas);
  const targetCanvas = panel(pictures, "target: what it gets");
  targetCanvas.classList.add("stn-pixels");
  const start = readTheta(model), offered = model.get("choices");
  let source, forwards = false, arrows = false;

  const size = () => [source.height, source.width];
  const write = theta => { writeTheta(model, theta); tell(""); redraw(); };
  const sliders = thetaSliders(controls, model.get("sliders"), size, write);
  const presets = row(controls);
  presets.setAttribute("role", "group");
  presets.setAttribute("aria-label", "presets");
  for (const [name, numbers] of Object.entries(PRESETS)) {
    button(presets, name, () => write(affineTheta({...IDENTITY, ...numbers}, ...size())));
  }
  button(presets, "reset", () => write(start), "reset to the start");
  button(presets, "copy as code", async () => {
    const parts = takeApart(readTheta(model), ...size());
    const code = asCode(parts && {...sliders.numbers}, readTheta(model), size());
    try { await navigator.clipboard.writeText(code); tell(`Copied: ${code}`); }
    catch { tell(`To copy: ${code}`); }
  });
  const followTheta = thetaFields(controls, 2, model, write, tell);

  const chosen = row(controls);
  const followPicture = offered.includes("picture") ? chooser(chosen, model, save, tell) : null;
  const followSampler = samplerChoices(chosen, model, save, offered);
  const sizeSlider = {label: "output size", min: 20, max: 256, step: 1, digits: 0, unit: " px"};
  const outputSize = offered.includes("size") ? slider(chosen, sizeSlider, side => {
    const scale = side / Math.max(...size());
    save({target_size: size().map(n => Math.max(1, Math.round(n * scale)))});
  }) : null;
  if (offered.includes("arrows")) {
    toggle(chosen, "show arrows", on => { arrows = on; redraw(); });
    toggle(chosen, "send pixels forwards instead", on => { forwards = on; redraw(); });
  }

  const toSource = (x, y) => { // from canvas pixels to −1 … 1
    const [column, line] = view.from(x, y);
    return [2 * column / Math.max(source.width - 1, 1) - 1, 2 * line / Math.max(source.height - 1, 1) - 1];
  };
  const corners = CORNER_NAMES.map((name, k) => handle(sourceCanvas, `${name} corner of the region that is read`,
    (x, y) => write(dragCorner(readTheta(model), k, ...toSource(x, y)))));
  corners[0].knob.classList.add("stn-first");
  const middle = handle(sourceCanvas, "centre of the region that is read", (x, y) => {
    const theta = [...readTheta(model)];
    [theta[2], theta[5]] = toSource(x, y);
    write(theta);
  });

  function drawArrows(g, theta) { // from target pixels to where they look; when sent forwards, back
    for (const y of [-1, -0.5, 0, 0.5, 1]) for (const x of [-1, -0.5, 0, 0.5, 1]) {
      const own = view.at((x + 1) * (source.width - 1) / 2, (y + 1) * (source.height - 1) / 2);
      const looks = view.at(...lookUp(theta, x, y, source));
      arrow(g, ...(forwards ? [looks, own] : [own, looks]), BLUE);
    }
  }

  function draw() {
    const theta = readTheta(model), wanted = model.get("target_size");
    const [height, width] = wanted.length ? wanted : size();
    const target = forwards ? send(source, theta, height, width)
      : warp(source, theta, height, width, model.get("kernel"), model.get("padding"));
    paint(targetCanvas, {pixels: target, height, width});
    targetCanvas.style.width = `${280 * width / Math.max(height, width)}px`;
    const g = view.clear(), points = outline(g, theta, source, view.at);
    if (arrows) drawArrows(g, theta);
    const where = (x, y) => apply(theta, x, y).map((number, k) => `${"xy"[k]} ${fixed(number)}`).join(", ");
    corners.forEach((corner, k) => corner.place(...points[k], where(...CORNERS[k])));
    middle.place(...view.at(...lookUp(theta, 0, 0, source)), where(0, 0));
    followTheta(theta);
    followOrTell(sliders, theta, tell);
    followPicture?.();
    followSampler();
    outputSize?.set(Math.max(height, width));
    const what = `${model.get("chosen")}, ${source.height} by ${source.width} pixels`;
    sourceCanvas.setAttribute("aria-label", `source: ${what}, with the region that is read`);
    targetCanvas.setAttribute("aria-label", `target: ${height} by ${width} pixels`);
  }
  const redraw = oncePerFrame(draw);

  function load() {
    const {bytes, size} = model.get("pictures")[model.get("chosen")];
    source = picture(bytes, size);
    view.show(source);
  }
  function reload() { load(); redraw(); }

  load();
  draw();
  const follow = "change:theta change:kernel change:padding change:target_size";
  model.on(follow, redraw);
  model.on("change:chosen change:pictures", reload);
  return () => {
    redraw.cancel();
    model.off(follow, redraw);
    model.off("change:chosen change:pictures", reload);
  };
}

export default {render};
