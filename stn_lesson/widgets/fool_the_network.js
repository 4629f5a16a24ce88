// A scene that you make, and what a trained network makes of it. The scene is put together here;
// the network answers from the kernel. One question is under way at a time, and the newest scene
// goes next, so nothing queues up while you drag.

const SCENE = 240, VIEW = 140, METER = 200; // pixels on the screen
const SWEEP = Array.from({length: 73}, (_, i) => 5 * i - 180); // degrees
const PLACES = {
  rotation: {label: "rotation", min: -180, max: 180, step: 1, digits: 0, unit: "°"},
  scale: {label: "scale", min: 0.4, max: 2, step: 0.01, unit: "×"},
  x: {label: "right", min: -1, max: 1, step: 0.01},
  y: {label: "down", min: -1, max: 1, step: 0.01},
};
const TOOLS = {
  move: "middle of the digit",
  draw: "pen: arrow keys draw, shift and arrow keys lift it",
  erase: "rubber: arrow keys erase, shift and arrow keys lift it",
};

// The scene's grey bytes: the digit, placed by θ as any picture is; crops of others and ink added.
function composer(model, ink) {
  const side = model.get("side"), places = model.get("crop_places");
  const digits = bytesOf(model.get("digits")), crops = bytesOf(model.get("crops"));
  const digitSide = Math.sqrt(digits.length / model.get("labels").length);
  const cropSide = Math.sqrt(crops.length / places.length);
  return (rotation = model.get("rotation")) => {
    const index = model.get("index"), scene = new Uint8ClampedArray(side * side); // clips at white
    for (let k = 0; k < model.get("clutter"); k++) {
      const [line, column] = places[k];
      for (let i = 0; i < cropSide ** 2; i++) {
        scene[(line + Math.floor(i / cropSide)) * side + column + i % cropSide] += crops[k * cropSide ** 2 + i];
      }
    }
    if (index >= 0) {
      const theta = affineTheta({rotation, shear: 0, x: model.get("x"), y: model.get("y"),
        scale: model.get("scale") * (digitSide - 1) / (side - 1)}, side, side); // a pixel stays a pixel
      const grey = digits.subarray(index * digitSide ** 2, (index + 1) * digitSide ** 2);
      const placed = warp(greyPicture(grey, digitSide, digitSide), theta, side, side);
      for (let i = 0; i < side * side; i++) scene[i] += placed[4 * i];
    }
    const drawn = ink.getImageData(0, 0, side, side).data;
    for (let i = 0; i < side * side; i++) scene[i] += drawn[4 * i + 3];
    return scene;
  };
}

// Questions to the kernel, one at a time. Answers reach every view of a model, so each view signs
// its questions; `round` tells an answer about the digit of before.
function questions(model, tell, onAnswer) {
  const me = Math.random();
  let patience, underWay = false;
  function hear(message) {
    if (message.me !== me) return;
    if (message.question === "one") { clearTimeout(patience); underWay = false; }
    tell(message.error ? `The network gave no answer: ${message.error}` : "");
    onAnswer(message);
  }
  model.on("msg:custom", hear);
  return {
    free: () => !underWay,
    ask(question, round, scenes) {
      model.send({question, round, me}, undefined, [scenes.buffer]);
      if (question !== "one") return;
      underWay = true;
      patience = setTimeout(
        () => tell("The kernel is busy, or there is none. The network answers when it is free."), 3000);
    },
    end() { clearTimeout(patience); model.off("msg:custom", hear); },
  };
}

function drawMeter(canvas, meter) {
  const g = canvas.getContext("2d"), middle = METER / 2, at = (a, b) => [middle + a / 2, middle - b / 2];
  g.fillStyle = "white"; g.fillRect(0, 0, METER, METER);
  g.fillStyle = "#444"; g.font = "10px sans-serif"; g.textAlign = "center";
  for (const angle of [-180, -90, 0, 90, 180]) {
    drawLine(g, [at(-180, angle), at(180, angle)], angle ? "#ddd" : "#999", 1);
    drawLine(g, [at(angle, -180), at(angle, 180)], angle ? "#ddd" : "#999", 1);
    if (Math.abs(angle) === 90) {
      g.fillText(`${fixed(angle, 0)}°`, at(angle, 0)[0], METER - 14);
      g.fillText(`${fixed(angle, 0)}°`, 24, at(0, angle)[1] - 3);
    }
  }
  g.setLineDash([5, 4]);
  drawLine(g, [at(-180, 180), at(180, -180)], BLUE, 1.5);
  g.setLineDash([]);
  for (const point of meter) drawDot(g, at(...point), 2.5, ORANGE);
  g.textAlign = "right"; g.fillStyle = "black";
  g.fillText("you turn →", METER - 4, METER - 3);
  g.textAlign = "left";
  g.fillText("it turns ↑", middle + 4, 12);
  g.fillStyle = BLUE; g.fillText("undone in full", 28, 12);
  const last = meter.at(-1);
  canvas.setAttribute("aria-label", "undo meter: the angle by which the transformer turns against the angle "
    + `by which you turn, ${meter.length} points${last ? `, the last (${fixed(last[0], 0)}°, ${fixed(last[1], 0)}°)` : ""}`);
}

function drawBars(canvas, shares) {
  const g = canvas.getContext("2d"), best = shares.indexOf(Math.max(...shares));
  g.fillStyle = "white"; g.fillRect(0, 0, 190, 200);
  g.font = "13px sans-serif";
  shares.forEach((share, k) => {
    g.fillStyle = k === best ? ORANGE : SKY;
    g.fillRect(22, 20 * k + 3, 110 * share, 14);
    g.fillStyle = "black";
    g.fillText(k, 8, 20 * k + 15);
    g.fillText(`${percent(share, 0)}${k === best ? " ◀" : ""}`, 138, 20 * k + 15);
  });
  canvas.setAttribute("aria-label", `what it says: ${shares.map((share, k) => `${k}: ${percent(share, 0)}`).join(", ")}`);
}

function render({model, el}) {
  setUpRoot(el);
  const side = model.get("side"), labels = model.get("labels"), zoom = SCENE / side;
  const {size: [height, width], kernel, padding} = model.get("view");
  const save = saver(model), start = model.get("index");

  const pictures = makeElement("div", {className: "stn-pictures stn-level"});
  el.append(pictures);
  const sceneCanvas = panel(pictures, "your scene, and where it looks");
  const viewCanvas = panel(pictures, "what the classifier sees", `what the classifier sees, ${width} by ${height} pixels`);
  const barCanvas = panel(pictures, "what it says"), meterCanvas = panel(pictures, "undo meter");
  sceneCanvas.width = sceneCanvas.height = SCENE;
  viewCanvas.classList.add("stn-pixels");
  viewCanvas.style.width = `${VIEW}px`;
  barCanvas.width = 190; barCanvas.height = 200;
  meterCanvas.width = meterCanvas.height = METER;

  const controls = row(el);
  controls.classList.add("stn-sliders");
  const sliders = Object.fromEntries(Object.entries(PLACES).map(([name, range]) =>
    [name, slider(controls, range, value => save({[name]: value}))]));
  sliders.clutter = slider(controls, {label: "clutter", min: 0, max: model.get("crop_places").length, step: 1, digits: 0},
    value => save({clutter: value}));

  const buttons = row(el);
  const digit = choice(buttons, "digit", [..."0123456789", "none"],
    name => save({index: name === "none" ? -1 : labels.indexOf(Number(name))}));
  button(buttons, "another hand", () => {
    const index = model.get("index"), next = labels.indexOf(labels[index], index + 1);
    if (index >= 0) save({index: next < 0 ? labels.indexOf(labels[index]) : next});
  }, "the same digit by another hand");
  const tool = choice(buttons, "drag to", Object.keys(TOOLS), redrawTool);
  const wipe = () => { ink.clearRect(0, 0, side, side); changed(); };
  button(buttons, "clear the drawing", wipe);
  button(buttons, "turn it all the way round", () => {
    if (model.get("index") < 0) return tell("There is no digit to turn: choose one first.");
    const scenes = new Uint8Array(SWEEP.length * side * side);
    SWEEP.forEach((angle, i) => scenes.set(compose(angle), i * side * side));
    asking.ask("sweep", round, scenes);
  });
  button(buttons, "reset", () => {
    save({rotation: 0, scale: 1, x: 0, y: 0, clutter: 0, index: start});
    wipe();
    renew();
  });
  const said = makeElement("p", {className: "stn-numbers"}), spoken = makeElement("p", {className: "stn-spoken", role: "status"});
  el.append(said, spoken);
  const speak = debounced(text => { spoken.textContent = text; });
  const tell = messageLine(el);

  // The drawing: a layer of its own, as large as the scene.
  const ink = makeElement("canvas", {width: side, height: side}).getContext("2d", {willReadFrequently: true});
  ink.lineCap = ink.lineJoin = "round";
  let pen = [side / 2, side / 2];
  function stroke(x, y, lift) {
    if (!lift) {
      const erasing = tool.value === "erase";
      ink.globalCompositeOperation = erasing ? "destination-out" : "source-over";
      drawLine(ink, [pen, [x, y], [x, y]], "white", erasing ? 7 : 2.6);
    }
    pen = [x, y];
    changed();
  }

  const compose = composer(model, ink);
  let stale = true, round = 0, asked, answer = null, meter = [];
  const changed = () => { stale = true; redraw(); };
  const renew = () => { meter = []; round += 1; changed(); }; // a new digit begins a new meter
  const asking = questions(model, tell, message => {
    if (message.question === "sweep") {
      const turned = SWEEP.map((angle, i) => [angle, message.rotation?.[i]]);
      if (message.round === round) meter = turned.filter(([, out]) => Number.isFinite(out));
    } else if (!message.error) {
      answer = {...asked, theta: message.theta[0], shares: message.shares[0], turned: message.rotation[0]};
      if (message.round === round && answer.index >= 0 && answer.turned !== null) {
        meter = [...meter.slice(-499), [answer.rotation, answer.turned]];
      }
    }
    redraw();
  });

  function words() {
    const best = answer.shares.indexOf(Math.max(...answer.shares)), truth = labels[answer.index];
    const verdict = answer.index < 0 ? "." : `; it is a ${truth}${best === truth ? "." : ": fooled."}`;
    const turned = answer.index < 0 || answer.turned === null ? ""
      : ` You turn by ${fixed(answer.rotation, 0)}°, it turns by ${fixed(answer.turned, 0)}°.`;
    return `The network says ${best} (${percent(answer.shares[best], 0)})${verdict}${turned}`;
  }

  function draw() {
    const scene = compose(), g = sceneCanvas.getContext("2d");
    g.imageSmoothingEnabled = false;
    g.drawImage(bitmap(greyPicture(scene, side, side)), 0, 0, SCENE, SCENE);
    for (const name in sliders) sliders[name].set(model.get(name));
    digit.value = labels[model.get("index")] ?? "none";
    const middle = ["x", "y"].map(name => (model.get(name) + 1) * (side - 1) / 2 + 0.5);
    knob.place(...(tool.value === "move" ? middle : pen).map(value => value * zoom));
    drawMeter(meterCanvas, meter);
    if (answer) {
      const seen = greyPicture(answer.scene, side, side);
      drawRegion(g, answer.theta, seen, (x, y) => [(x + 0.5) * zoom, (y + 0.5) * zoom]);
      paint(viewCanvas, {pixels: warp(seen, answer.theta, height, width, kernel, padding), height, width});
      drawBars(barCanvas, answer.shares);
      said.textContent = words();
      speak(said.textContent);
    }
    if (!stale || !asking.free()) return;
    stale = false;
    asked = {scene, index: model.get("index"), rotation: model.get("rotation")};
    asking.ask("one", round, scene);
  }
  const redraw = oncePerFrame(draw);

  // One knob on the scene: the middle of the digit, or the pen.
  const knob = handle(sceneCanvas, TOOLS.move, (x, y, event) => {
    if (tool.value !== "move") return stroke(x / zoom, y / zoom, event.shiftKey && event.type === "keydown");
    const half = value => clamp(2 * (value / zoom - 0.5) / (side - 1) - 1, -1, 1);
    save({x: half(x), y: half(y)});
    redraw(); // also where nothing has changed: the knob goes back to its digit
  }, zoom);
  function redrawTool() {
    knob.knob.setAttribute("aria-label", TOOLS[tool.value]);
    redraw();
  }
  let drawing = false; // with mouse or finger anywhere on the scene
  const place = event => [event.offsetX, event.offsetY].map(v => v * side / sceneCanvas.clientWidth);
  sceneCanvas.style.touchAction = "none";
  sceneCanvas.addEventListener("pointerdown", event => {
    if (tool.value === "move" || event.button) return;
    drawing = true;
    sceneCanvas.setPointerCapture(event.pointerId);
    stroke(...place(event), true);
    stroke(...place(event), false);
  });
  sceneCanvas.addEventListener("pointermove", event => {
    if (!event.buttons) drawing = false;
    if (drawing) stroke(...place(event), false);
  });
  for (const end of ["pointerup", "pointercancel"]) sceneCanvas.addEventListener(end, () => { drawing = false; });

  const follow = "change:rotation change:scale change:x change:y change:clutter";
  model.on(follow, changed);
  model.on("change:index", renew);
  draw();
  return () => {
    redraw.cancel();
    speak.cancel();
    asking.end();
    model.off(follow, changed);
    model.off("change:index", renew);
  };
}

export default {render};
