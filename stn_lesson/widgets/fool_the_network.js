// A scene that you make, and what a trained network makes of it. The scene is put together here, and
// a small network answers here, too. Another answers from the kernel: one question is under way at a
// time, and the newest scene goes next, so nothing queues up while you drag.

const SCENE_SIDE = 240, VIEW_WIDTH = 140, METER_SIDE = 200; // pixels on the screen
const SWEEP_ANGLES = Array.from({length: 73}, (_, i) => 5 * i - 180); // degrees
const DIGIT_SLIDERS = {
  rotation: {label: "rotation", min: -180, max: 180, step: 1, digits: 0, unit: "°"},
  scale: {label: "scale", min: 0.4, max: 2, step: 0.01, unit: "×"},
  x: {label: "right", min: -1, max: 1, step: 0.01},
  y: {label: "down", min: -1, max: 1, step: 0.01},
};
const TOOL_NAMES = {
  move: "middle of the digit",
  draw: "pen: arrow keys draw, shift and arrow keys lift it",
  erase: "rubber: arrow keys erase, shift and arrow keys lift it",
};
const MAX_METER_POINTS = 500, BUSY_MS = 3000; // after so long without an answer, the kernel is said to be busy

// Questions to the kernel, one at a time. Answers reach every view of a model, so each view signs
// its questions; `round` tells an answer about the digit of before.
function questionsToKernel(model, tell, onAnswer) {
  const me = Math.random();
  let busyTimer, waiting = false;
  function onMessage(message) {
    if (message.me !== me) return;
    if (message.question === "one") { clearTimeout(busyTimer); waiting = false; }
    tell(message.error ? `The network gave no answer: ${message.error}` : "");
    onAnswer(message);
  }
  model.on("msg:custom", onMessage);
  return {
    free: () => !waiting,
    ask(question, round, scenes) {
      model.send({question, round, me}, undefined, [scenes.buffer]);
      if (question !== "one") return;
      waiting = true;
      busyTimer = setTimeout(
        () => tell("The kernel is busy, or there is none. The network answers when it is free."), BUSY_MS);
    },
    end() { clearTimeout(busyTimer); model.off("msg:custom", onMessage); },
  };
}

// The same questions to a network that is here: it answers at once.
function questionsToNetwork(model, onAnswer) {
  const side = model.get("side"), network = networkFrom(model.get("network"), side, model.get("view"));
  return {
    free: () => true,
    ask(question, round, scenes) {
      const answers = Array.from({length: scenes.length / side ** 2},
        (_, k) => network(scenes.subarray(k * side ** 2, (k + 1) * side ** 2)));
      const [theta, shares] = ["theta", "shares"].map(name => answers.map(answer => answer[name]));
      onAnswer({question, round, theta, shares, rotation: theta.map(each => decompose(each, 1, 1)?.rotation ?? null)});
    },
    end() {},
  };
}

function drawMeter(canvas, meter) {
  const g = canvas.getContext("2d"), middle = METER_SIDE / 2, at = (a, b) => [middle + a / 2, middle - b / 2];
  g.fillStyle = "white"; g.fillRect(0, 0, METER_SIDE, METER_SIDE);
  g.fillStyle = "#444"; g.font = "10px sans-serif"; g.textAlign = "center";
  for (const angle of [-180, -90, 0, 90, 180]) {
    drawLine(g, [at(-180, angle), at(180, angle)], angle ? "#ddd" : "#999", 1);
    drawLine(g, [at(angle, -180), at(angle, 180)], angle ? "#ddd" : "#999", 1);
    if (Math.abs(angle) === 90) {
      g.fillText(`${fixed(angle, 0)}°`, at(angle, 0)[0], METER_SIDE - 14);
      g.fillText(`${fixed(angle, 0)}°`, 24, at(0, angle)[1] - 3);
    }
  }
  g.setLineDash([5, 4]);
  drawLine(g, [at(-180, 180), at(180, -180)], BLUE, 1.5);
  g.setLineDash([]);
  for (const point of meter) drawDot(g, at(...point), 2.5, ORANGE);
  g.textAlign = "right"; g.fillStyle = "black";
  g.fillText("you turn →", METER_SIDE - 4, METER_SIDE - 3);
  g.textAlign = "left";
  g.fillText("it turns ↑", middle + 4, 12);
  g.fillStyle = BLUE; g.fillText("undone in full", 28, 12);
  const last = meter.at(-1);
  canvas.setAttribute("aria-label", "undo meter: the angle by which the transformer turns against the angle "
    + `by which you turn, ${meter.length} points`
    + (last ? `, the last (${fixed(last[0], 0)}°, ${fixed(last[1], 0)}°)` : ""));
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
  const words = shares.map((share, k) => `${k}: ${percent(share, 0)}`);
  canvas.setAttribute("aria-label", `what it says: ${words.join(", ")}`);
}

class GameView {
  stale = true; round = 0; asked = null; answer = null; meter = [];
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    Object.assign(this, {model, save: saver(model), side: model.get("side"), labels: model.get("labels")});
    this.zoom = SCENE_SIDE / this.side;
    this.ink = new Ink(this.side);
    this.compose = sceneComposer(model, this.ink);
    this.addPictures(el);
    this.addSliders(row(el));
    this.addButtons(row(el));
    this.words = makeElement("p", {className: "stn-numbers"});
    const spoken = makeElement("p", {className: "stn-spoken", role: "status"});
    el.append(this.words, spoken);
    this.speak = debounced(text => { spoken.textContent = text; });
    this.tell = messageLine(el);
    const onAnswer = message => this.onAnswer(message), here = model.get("network").weights;
    this.questions = here ? questionsToNetwork(model, onAnswer) : questionsToKernel(model, this.tell, onAnswer);
    this.addHandle();
    this.addDrawing();
    this.draw();
  }

  addPictures(el) {
    const {size: [height, width]} = this.model.get("view");
    const pictures = makeElement("div", {className: "stn-pictures stn-level"});
    el.append(pictures);
    this.sceneCanvas = panel(pictures, "your scene, and where it looks");
    this.viewCanvas = panel(pictures, "what the classifier sees",
      `what the classifier sees, ${width} by ${height} pixels`);
    this.barCanvas = panel(pictures, "what it says");
    this.meterCanvas = panel(pictures, "undo meter");
    this.sceneCanvas.width = this.sceneCanvas.height = SCENE_SIDE;
    this.viewCanvas.classList.add("stn-pixels");
    this.viewCanvas.style.width = `${VIEW_WIDTH}px`;
    this.barCanvas.width = 190; this.barCanvas.height = 200;
    this.meterCanvas.width = this.meterCanvas.height = METER_SIDE;
  }

  addSliders(parent) {
    parent.classList.add("stn-sliders");
    const clutter = {label: "clutter", min: 0, max: this.model.get("crop_places").length, step: 1, digits: 0};
    const ranges = Object.entries({...DIGIT_SLIDERS, clutter});
    this.sliders = Object.fromEntries(ranges.map(([name, range]) =>
      [name, slider(parent, range, value => this.save({[name]: value}))]));
  }

  addButtons(parent) {
    const {model, save, labels} = this, start = model.get("index");
    this.digitSelect = choice(parent, "digit", [..."0123456789", "none"],
      name => save({index: name === "none" ? -1 : labels.indexOf(Number(name))}));
    button(parent, "another hand", () => {
      const index = model.get("index"), next = labels.indexOf(labels[index], index + 1);
      if (index >= 0) save({index: next < 0 ? labels.indexOf(labels[index]) : next});
    }, "the same digit by another hand");
    this.toolSelect = choice(parent, "drag to", Object.keys(TOOL_NAMES), tool => {
      this.handle.knob.setAttribute("aria-label", TOOL_NAMES[tool]);
      this.sceneCanvas.style.touchAction = tool === "move" ? "" : "none"; // a finger scrolls, or draws
      this.redraw();
    });
    button(parent, "clear the drawing", () => this.clearInk());
    button(parent, "turn it all the way round", () => this.sweep());
    button(parent, "reset", () => {
      save({rotation: 0, scale: 1, x: 0, y: 0, clutter: 0, index: start});
      this.clearInk();
      this.startRound();
    });
  }

  // One knob on the scene: the middle of the digit, or the pen.
  addHandle() {
    const {side, zoom} = this;
    const toSource = value => clamp(2 * (value / zoom - 0.5) / (side - 1) - 1, -1, 1);
    this.handle = handle(this.sceneCanvas, TOOL_NAMES.move, (x, y, event) => {
      if (this.toolSelect.value !== "move") {
        return this.stroke(x / zoom, y / zoom, event.shiftKey && event.type === "keydown");
      }
      this.save({x: toSource(x), y: toSource(y)});
      this.redraw(); // also where nothing has changed: the knob goes back to its digit
    }, zoom);
  }

  // Drawing with mouse or finger anywhere on the scene.
  addDrawing() {
    const {sceneCanvas, side} = this;
    let drawing = false;
    const place = event => [event.offsetX, event.offsetY].map(v => v * side / sceneCanvas.clientWidth);
    sceneCanvas.addEventListener("pointerdown", event => {
      if (this.toolSelect.value === "move" || event.button) return;
      drawing = true;
      sceneCanvas.setPointerCapture(event.pointerId);
      this.stroke(...place(event), true);
      this.stroke(...place(event), false);
    });
    sceneCanvas.addEventListener("pointermove", event => {
      if (!event.buttons) drawing = false;
      if (drawing) this.stroke(...place(event), false);
    });
    for (const end of ["pointerup", "pointercancel"]) sceneCanvas.addEventListener(end, () => { drawing = false; });
  }

  stroke(x, y, lifted) {
    this.ink.moveTo(x, y, {lifted, erasing: this.toolSelect.value === "erase"});
    this.onSceneChange();
  }

  clearInk() {
    this.ink.clear();
    this.onSceneChange();
  }

  onSceneChange = () => { this.stale = true; this.redraw(); };

  // A new digit begins a new meter.
  startRound = () => { this.meter = []; this.round += 1; this.onSceneChange(); };

  sweep() {
    const {side} = this, scenes = new Uint8Array(SWEEP_ANGLES.length * side * side);
    if (this.model.get("index") < 0) return this.tell("There is no digit to turn: choose one first.");
    SWEEP_ANGLES.forEach((angle, i) => scenes.set(this.compose(angle), i * side * side));
    this.questions.ask("sweep", this.round, scenes);
  }

  onAnswer(message) {
    const current = message.round === this.round;
    if (message.question === "sweep") {
      const turned = SWEEP_ANGLES.map((angle, i) => [angle, message.rotation?.[i]]);
      if (current) this.meter = turned.filter(([, out]) => Number.isFinite(out));
    } else if (!message.error) {
      const answer = {...this.asked, theta: message.theta[0], shares: message.shares[0], turned: message.rotation[0]};
      this.answer = answer;
      if (current && answer.index >= 0 && answer.turned !== null) {
        this.meter = [...this.meter.slice(1 - MAX_METER_POINTS), [answer.rotation, answer.turned]];
      }
    }
    this.redraw();
  }

  describeAnswer({index, rotation, shares, turned}) {
    const best = shares.indexOf(Math.max(...shares)), truth = this.labels[index];
    const verdict = index < 0 ? "." : `; it is a ${truth}${best === truth ? "." : ": fooled."}`;
    const turns = index < 0 || turned === null ? ""
      : ` You turn by ${fixed(rotation, 0)}°, it turns by ${fixed(turned, 0)}°.`;
    return `The network says ${best} (${percent(shares[best], 0)})${verdict}${turns}`;
  }

  drawAnswer(g, answer) {
    const {side, zoom} = this, {size: [height, width], kernel, padding} = this.model.get("view");
    const seen = greyPicture(answer.scene, side, side);
    drawRegion(g, answer.theta, (x, y) => toPixels(x, y, seen).map(value => (value + 0.5) * zoom));
    paint(this.viewCanvas, {pixels: warp(seen, answer.theta, height, width, kernel, padding), height, width});
    drawBars(this.barCanvas, answer.shares);
    this.words.textContent = this.describeAnswer(answer);
    this.speak(this.words.textContent);
  }

  draw() {
    const {model, side, zoom} = this, scene = this.compose(), g = this.sceneCanvas.getContext("2d");
    g.imageSmoothingEnabled = false;
    g.drawImage(bitmap(greyPicture(scene, side, side)), 0, 0, SCENE_SIDE, SCENE_SIDE);
    for (const name in this.sliders) this.sliders[name].set(model.get(name));
    this.digitSelect.value = this.labels[model.get("index")] ?? "none";
    const middle = ["x", "y"].map(name => (model.get(name) + 1) * (side - 1) / 2 + 0.5);
    this.handle.place(...(this.toolSelect.value === "move" ? middle : this.ink.pen).map(value => value * zoom));
    drawMeter(this.meterCanvas, this.meter);
    if (this.answer) this.drawAnswer(g, this.answer);
    if (!this.stale || !this.questions.free()) return;
    this.stale = false;
    this.asked = {scene, index: model.get("index"), rotation: model.get("rotation")};
    this.questions.ask("one", this.round, scene);
  }
}

function render({model, el}) {
  const view = new GameView(model, setUpRoot(el));
  const stopListening = listenTo(model, {
    "change:rotation change:scale change:x change:y change:clutter": view.onSceneChange,
    "change:index": view.startRound,
  });
  return () => {
    view.redraw.cancel();
    view.speak.cancel();
    view.questions.end();
    stopListening();
  };
}

export default {render};
