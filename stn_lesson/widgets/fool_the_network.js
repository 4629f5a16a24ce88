// A scene that you make, and what a trained network makes of it. The scene is put together here;
// the network answers from the kernel. One question is under way at a time, and the newest scene
// goes next, so nothing queues up while you drag.

const SCENE = 240, VIEW = 140; // pixels on the screen
const SWEEP = Array.from({length: 73}, (_, i) => 5 * i - 180);
const PLACES = {
  rotation: {label: "rotation", min: -180, max: 180, step: 1, digits: 0, unit: "°"},
  scale: {label: "scale", min: 0.4, max: 2, step: 0.01, unit: "×"},
  x: {label: "right", min: -1, max: 1, step: 0.01},
  y: {label: "down", min: -1, max: 1, step: 0.01},
};

function render({model, el}) {
  frame(el);
  const side = model.get("side"), [height, width] = model.get("view_size");
  const zoom = SCENE / side;
  const bytes = name => { const v = model.get(name); return new Uint8Array(v.buffer, v.byteOffset, v.byteLength); };
  const digits = bytes("digits"), crops = bytes("crops"), places = model.get("crop_places");
  const labels = model.get("labels"), digitSide = Math.sqrt(digits.length / labels.length);
  const cropSide = Math.sqrt(crops.length / places.length);

  const pictures = make("div", {className: "stn-pictures"});
  el.append(pictures);
  const sceneCanvas = panel(pictures, "your scene, and where the network looks");
  const viewCanvas = panel(pictures, `what it sees, ${width}×${height}`);
  const barCanvas = panel(pictures, "what it says");
  const meterCanvas = panel(pictures, "undo meter: angle in, angle out");
  sceneCanvas.width = sceneCanvas.height = SCENE;
  viewCanvas.classList.add("stn-pixels");
  viewCanvas.style.width = `${VIEW}px`;
  barCanvas.width = 190; barCanvas.height = 200;
  meterCanvas.width = meterCanvas.height = 200;

  const controls = row(el);
  controls.classList.add("stn-sliders");
  const save = changes => { model.set(changes); model.save_changes(); };
  const sliders = Object.fromEntries(Object.entries(PLACES).map(([name, range]) =>
    [name, slider(controls, range, value => save({[name]: value}))]));
  const clutter = slider(controls, {label: "clutter", min: 0, max: places.length, step: 1, digits: 0},
    value => save({clutter: value}));

  const buttons = row(el);
  const digit = choice(buttons, "digit", [..."0123456789", "none"], name => save({index: name === "none" ? -1 : labels.indexOf(Number(name))}));
  button(buttons, "another hand", () => {
    const index = model.get("index"), label = labels[index];
    if (index < 0) return;
    const next = labels.indexOf(label, index + 1);
    save({index: next < 0 ? labels.indexOf(label) : next});
  }, "the same digit by another hand");
  const tool = choice(buttons, "drag to", ["move", "draw", "erase"], redrawTool);
  button(buttons, "clear the drawing", () => { ink.clearRect(0, 0, side, side); changed(); });
  button(buttons, "turn it all the way round", sweep);
  button(buttons, "reset", () => {
    ink.clearRect(0, 0, side, side);
    meter = [];
    save({rotation: 0, scale: 1, x: 0, y: 0, clutter: 0, index: 0});
    changed();
  });
  const words = make("p", {className: "stn-numbers", role: "status"});
  el.append(words);
  const tell = messages(el);

  // The drawing: a layer of its own, as large as the scene.
  const ink = make("canvas", {width: side, height: side}).getContext("2d", {willReadFrequently: true});
  ink.lineCap = ink.lineJoin = "round";
  let pen = [side / 2, side / 2];

  function stroke(x, y, lift) {
    if (!lift) {
      ink.globalCompositeOperation = tool.value === "erase" ? "destination-out" : "source-over";
      trace(ink, [pen, [x, y], [x, y]], "white", tool.value === "erase" ? 7 : 2.6);
    }
    pen = [x, y];
    changed();
  }

  // The scene's grey bytes: the digit, placed by θ as any picture is; crops and ink are added.
  function compose(rotation = model.get("rotation")) {
    const index = model.get("index"), size = digitSide ** 2;
    const scene = new Uint8ClampedArray(side * side);
    for (let k = 0; k < model.get("clutter"); k++) {
      const [line, column] = places[k];
      for (let i = 0; i < cropSide ** 2; i++) {
        scene[(line + Math.floor(i / cropSide)) * side + column + i % cropSide] += crops[k * cropSide ** 2 + i];
      }
    }
    if (index >= 0) {
      const theta = affineTheta({rotation, shear: 0, x: model.get("x"), y: model.get("y"),
        scale: model.get("scale") * (digitSide - 1) / (side - 1)}, side, side); // a pixel stays a pixel
      const source = greyPicture(digits.subarray(index * size, (index + 1) * size), digitSide, digitSide);
      const placed = warp(source, theta, side, side);
      for (let i = 0; i < side * side; i++) scene[i] += placed[4 * i];
    }
    const drawn = ink.getImageData(0, 0, side, side).data;
    for (let i = 0; i < side * side; i++) scene[i] += drawn[4 * i + 3];
    return scene;
  }

  // Questions to the kernel: one at a time, the newest next.
  let underWay = false, waiting = false, asked, patience, answer = null, meter = [];
  function changed() {
    redraw();
    if (underWay) { waiting = true; return; }
    underWay = true; waiting = false;
    asked = {scene: compose(), rotation: model.get("rotation")};
    model.send({question: "one"}, undefined, [asked.scene.buffer]);
    clearTimeout(patience);
    patience = setTimeout(() => tell("The kernel is busy, or there is none. The network answers when it is free."), 3000);
  }
  function sweep() {
    if (model.get("index") < 0) return tell("There is no digit to turn: choose one first.");
    const scenes = new Uint8Array(SWEEP.length * side * side);
    SWEEP.forEach((angle, i) => scenes.set(compose(angle), i * side * side));
    model.send({question: "sweep"}, undefined, [scenes.buffer]);
  }
  function hear(message) {
    if (message.question === "sweep") {
      meter = SWEEP.map((angle, i) => [angle, message.rotation[i]]);
      return redraw();
    }
    clearTimeout(patience);
    tell("");
    underWay = false;
    answer = {theta: message.theta[0], shares: message.shares[0], scene: asked.scene};
    if (model.get("index") >= 0 && message.rotation[0] !== null) meter.push([asked.rotation, message.rotation[0]]);
    if (meter.length > 500) meter.shift();
    if (waiting) changed(); else redraw();
  }

  function drawMeter() {
    const g = meterCanvas.getContext("2d"), at = (a, b) => [100 + a / 2, 100 - b / 2];
    g.fillStyle = "white"; g.fillRect(0, 0, 200, 200);
    trace(g, [at(-180, 0), at(180, 0)], "#999999", 1);
    trace(g, [at(0, -180), at(0, 180)], "#999999", 1);
    g.setLineDash([5, 4]);
    trace(g, [at(-180, 180), at(180, -180)], BLUE, 1.5);
    g.setLineDash([]);
    for (const point of meter) dot(g, at(...point), 2.5, ORANGE);
    g.fillStyle = "black"; g.font = "11px sans-serif";
    g.fillText("you turn →", 140, 114); g.fillText("it turns ↑", 104, 11);
    g.fillStyle = BLUE; g.fillText("undone in full", 12, 11);
  }

  function drawBars() {
    const g = barCanvas.getContext("2d"), best = answer.shares.indexOf(Math.max(...answer.shares));
    g.fillStyle = "white"; g.fillRect(0, 0, 190, 200);
    g.font = "13px sans-serif";
    answer.shares.forEach((share, k) => {
      g.fillStyle = k === best ? ORANGE : SKY;
      g.fillRect(22, 20 * k + 3, 110 * share, 14);
      g.fillStyle = "black";
      g.fillText(k, 8, 20 * k + 15);
      g.fillText(`${(100 * share).toFixed(0)} %${k === best ? " ◀" : ""}`, 138, 20 * k + 15);
    });
    barCanvas.setAttribute("aria-label", `what it says: ${answer.shares.map((s, k) => `${k}: ${(100 * s).toFixed(0)} %`).join(", ")}`);
    return best;
  }

  function draw() {
    const scene = greyPicture(compose(), side, side), g = sceneCanvas.getContext("2d");
    g.imageSmoothingEnabled = false;
    g.drawImage(bitmap(scene), 0, 0, SCENE, SCENE);
    for (const name in sliders) sliders[name].set(model.get(name));
    clutter.set(model.get("clutter"));
    digit.value = model.get("index") < 0 ? "none" : labels[model.get("index")];
    const moving = tool.value === "move";
    const [x, y] = moving ? [model.get("x"), model.get("y")].map(v => (v + 1) * (side - 1) / 2 + 0.5) : pen;
    knob.place(x * zoom, y * zoom);
    drawMeter();
    if (!answer) return;
    const seen = greyPicture(answer.scene, side, side);
    outline(g, answer.theta, seen, (a, b) => [(a + 0.5) * zoom, (b + 0.5) * zoom]);
    paint(viewCanvas, {pixels: warp(seen, answer.theta, height, width, "bilinear", model.get("view_padding")), height, width});
    const best = drawBars(), index = model.get("index");
    const last = meter.at(-1);
    words.textContent = `The network says ${best} (${(100 * answer.shares[best]).toFixed(0)} %)`
      + (index < 0 ? "." : `; it is a ${labels[index]}${best === labels[index] ? "." : ": fooled."}`)
      + (last && index >= 0 ? ` You turn by ${fixed(model.get("rotation"), 0)}°, it turns by ${fixed(last[1], 0)}°.` : "");
  }
  const redraw = oncePerFrame(draw);

  // One knob on the scene: the middle of the digit, or the pen.
  const knob = handle(sceneCanvas, "middle of the digit", (x, y, event) => {
    if (tool.value !== "move") return stroke(x / zoom, y / zoom, event.shiftKey && event.type === "keydown");
    const half = value => clamp(2 * (value / zoom - 0.5) / (side - 1) - 1, -1, 1);
    save({x: half(x), y: half(y)});
  }, zoom / 2);
  function redrawTool() {
    knob.knob.setAttribute("aria-label", {
      move: "middle of the digit", draw: "pen: arrow keys draw, shift and arrow keys lift it",
      erase: "rubber: arrow keys erase, shift and arrow keys lift it"}[tool.value]);
    redraw();
  }
  let drawing = false; // with mouse or finger anywhere on the scene
  const place = event => [event.offsetX, event.offsetY].map(v => v * side / sceneCanvas.clientWidth);
  sceneCanvas.style.touchAction = "none";
  sceneCanvas.addEventListener("pointerdown", event => {
    if (tool.value === "move") return;
    drawing = true;
    sceneCanvas.setPointerCapture(event.pointerId);
    stroke(...place(event), true);
    stroke(...place(event), false);
  });
  sceneCanvas.addEventListener("pointermove", event => { if (drawing) stroke(...place(event), false); });
  for (const end of ["pointerup", "pointercancel"]) sceneCanvas.addEventListener(end, () => { drawing = false; });

  const follow = "change:rotation change:scale change:x change:y change:clutter";
  const renew = () => { meter = []; changed(); };
  model.on(follow, changed);
  model.on("change:index", renew);
  model.on("msg:custom", hear);
  draw();
  changed();
  return () => {
    redraw.cancel();
    clearTimeout(patience);
    model.off(follow, changed);
    model.off("change:index", renew);
    model.off("msg:custom", hear);
  };
}

export default {render};
