// "Align it yourself": bring the picture onto the wanted one by sliders, on a map of the loss, or let
// the descent do it.

// A descent ends by itself after so many steps, or when the loss has changed by less over the last few.
const MAX_STEPS = 300, PATIENCE = 20, MIN_LOSS_CHANGE = 1e-6;

// A matrix of six cells under its name; returns the elements to fill.
function addMatrix(parent, name, words) {
  const cells = [0, 1, 2, 3, 4, 5].map(() => makeElement("span"));
  parent.append(makeElement("div", {className: "stn-formula", role: "group", "aria-label": words},
    `${name} =`, makeElement("span", {className: "stn-matrix"}, ...cells)));
  return cells;
}

// A bar from 0; signed ones start in the middle and point to where they go.
function addBar(parent, signed = false) {
  const inner = makeElement("i"), outer = makeElement("span", {className: "stn-bar", "aria-hidden": "true"}, inner);
  parent.append(outer);
  return part => {
    const length = clamp(Math.abs(part), 0, 1) * (signed ? 50 : 100);
    inner.style.width = `${length}%`;
    inner.style.left = signed ? `${part < 0 ? 50 - length : 50}%` : 0;
    inner.className = !signed ? "" : part < 0 ? "stn-smaller" : "stn-larger";
  };
}

// Steps of Adam from a θ. `path` is where it came along; `ended` says why it no longer plays.
class Descent {
  playing = false; ended = ""; losses = []; lastStep = 0;

  begin(theta) {
    this.adam = new Adam();
    this.theta = theta;
    this.path = [theta];
    this.pause();
  }

  play() {
    Object.assign(this, {playing: true, ended: "", losses: [], lastStep: this.adam.steps + MAX_STEPS});
  }

  pause(why = "") { this.playing = false; this.ended = why; }

  step(source, wanted) {
    const {loss, gradient} = assess(source, wanted, this.theta);
    this.losses = [...this.losses, loss].slice(-PATIENCE - 1);
    this.theta = this.adam.step(this.theta, gradient).map(Math.fround);
    this.path.push(this.theta);
    const {losses} = this, change = Math.max(...losses) - Math.min(...losses);
    if (this.playing && losses.length > PATIENCE && change < MIN_LOSS_CHANGE) {
      const lost = gradient.every(slope => slope === 0);
      this.pause(lost ? "The gradient is 0: no slope says where to go." : "The loss no longer falls.");
    } else if (this.playing && this.adam.steps >= this.lastStep) this.pause(`Stopped after ${MAX_STEPS} steps.`);
  }
}

function loadPicture(model, name) {
  const {bytes, size: [height, width]} = model.get("pictures")[name];
  return {grey: floatsOf(bytes), height, width};
}

const meanSquare = ({grey}) => grey.reduce((sum, value) => sum + value * value, 0) / grey.length;

class AlignmentView {
  descent = new Descent();
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    this.sharp = [loadPicture(model, "source"), loadPicture(model, "wanted")];
    this.size = [this.sharp[0].height, this.sharp[0].width];
    Object.assign(this, {model, save: saver(model), start: {theta: readTheta(model), blur: model.get("blur")}});
    this.lossWithoutOverlap = meanSquare(this.sharp[0]) + meanSquare(this.sharp[1]) || 1;
    const main = makeElement("div", {className: "stn-main"}), side = makeElement("div");
    el.append(makeElement("div", {className: "stn-sides"}, main, side));
    this.addPictures(main);
    this.sliders = thetaSliders(main, model.get("sliders"), () => this.size, this.write);
    this.addButtons(row(main));
    this.addState(row(main));
    this.addMatrices(row(el));
    this.tell = messageLine(el);
    this.tellAtRest = debounced(this.tell);
    this.map = new LossMap(side, model, this.size, this.sliders.numbers, this.write);
    this.descent.begin(readTheta(model));
    this.blurPictures();
    this.turnMap();
    this.draw();
  }

  addPictures(parent) {
    const pictures = makeElement("div", {className: "stn-pictures"});
    parent.append(pictures);
    const sourceCanvas = panel(pictures, "source: where it looks", "source with the region that is read");
    this.view = new SourceView(sourceCanvas, {side: 144});
    this.mixCanvas = panel(pictures, "warped orange, wanted blue, pale where both");
    this.wantedCanvas = panel(pictures, "wanted");
    for (const [canvas, longest] of [[this.mixCanvas, 202], [this.wantedCanvas, 120]]) {
      canvas.classList.add("stn-pixels");
      canvas.style.width = `${longest * this.size[1] / Math.max(...this.size)}px`;
    }
  }

  addButtons(parent) {
    const {descent, start} = this;
    this.playButton = button(parent, "play", () => {
      if (descent.playing) descent.pause();
      else { descent.play(); this.tell(""); }
      this.redraw();
    });
    this.playButton.style.minWidth = "5em";
    button(parent, "step", () => { descent.pause(); this.advance(); this.redraw(); }, "one step of descent");
    button(parent, "restart", () => this.write(descent.path[0]), "back to where the descent began");
    button(parent, "shift it far", () => this.write(this.model.get("far")));
    button(parent, "reset", () => { this.write(start.theta); this.save({blur: start.blur}); }, "reset to the start");
  }

  addState(parent) {
    const range = {label: "blur", min: 0, max: this.model.get("max_blur"), step: 1, digits: 0, unit: " px"};
    this.blur = slider(parent, range, pixels => this.save({blur: pixels}));
    this.lossOutput = makeElement("output", {role: "none"});
    this.stepOutput = makeElement("output", {role: "none"});
    parent.append(this.lossOutput);
    this.showLoss = addBar(parent);
    parent.append(this.stepOutput);
  }

  addMatrices(parent) {
    this.thetaCells = addMatrix(parent, "θ", "the six numbers of θ");
    const cells = addMatrix(parent, "∂L/∂θ", "the gradient of the loss");
    this.gradientCells = cells.map(cell => cell.appendChild(makeElement("span")));
    this.showSlopes = cells.map(cell => addBar(cell, true));
    parent.append("Each arrow points downhill: to the left, L falls if the number shrinks; to the right, if it grows.");
  }

  advance() {
    this.descent.step(this.source, this.wanted);
    this.save({theta: this.descent.theta, steps: this.descent.adam.steps});
  }

  // θ from a slider, the map or a button: a new descent begins there.
  write = theta => {
    this.descent.begin(theta.map(Math.fround));
    this.save({theta: this.descent.theta, steps: 0});
    this.redraw();
  };

  // So it does where something else (Python, another view of the same model) puts θ.
  onTheta = () => {
    const theta = readTheta(this.model);
    if (theta.some((number, i) => number !== this.descent.theta[i])) this.descent.begin(theta);
    this.redraw();
  };

  blurPictures = () => {
    [this.source, this.wanted] = this.sharp.map(picture => blurred(picture, this.model.get("blur")));
    this.view.show(greyPicture(this.source.grey, ...this.size, 1));
    paint(this.wantedCanvas, greyPicture(this.wanted.grey, ...this.size, 1));
    Object.assign(this.descent, {losses: [], ended: ""}); // another loss from now on
    this.redraw();
  };

  turnMap = () => { this.map.turn(); this.redraw(); };

  drawNumbers(theta, loss, gradient) {
    const steepest = Math.max(...gradient.map(Math.abs));
    this.thetaCells.forEach((cell, i) => { cell.textContent = fixed(theta[i], 3); });
    this.gradientCells.forEach((cell, i) => { cell.textContent = fixed(gradient[i], 4); });
    this.showSlopes.forEach((show, i) => show(steepest && -gradient[i] / steepest)); // downhill is against the gradient
    this.lossOutput.textContent = `loss L = ${fixed(loss, 4)}`;
    this.stepOutput.textContent = `step ${this.model.get("steps")}`;
    this.showLoss(loss / this.lossWithoutOverlap);
    this.blur.set(this.model.get("blur"));
  }

  draw() {
    const {descent, model, view, source, wanted, mixCanvas} = this;
    if (descent.playing) this.advance();
    const theta = readTheta(model), target = new Float32Array(wanted.grey.length);
    const {loss, gradient} = assess(source, wanted, theta, {target});
    paint(mixCanvas, overlay(target, wanted));
    mixCanvas.setAttribute("aria-label", `warped picture over the wanted one, loss ${fixed(loss, 4)}`);
    drawRegion(view.clear(), theta, view.toCanvas);
    this.drawNumbers(theta, loss, gradient);
    const known = this.sliders.follow(theta), action = descent.playing ? "pause" : "play";
    this.playButton.textContent = action;
    this.playButton.setAttribute("aria-label", action);
    if (known) this.map.ask(source, wanted);
    this.map.draw(descent.path);
    if (descent.playing) { this.tellAtRest.cancel(); return this.redraw(); }
    const words = `${descent.ended} Loss ${fixed(loss, 4)} after ${model.get("steps")} steps.`;
    this.tellAtRest(known ? words.trim() : NO_SLIDER);
  }

  cancel() {
    for (const task of [this.redraw, this.map, this.tellAtRest]) task.cancel();
  }
}

function render({model, el}) {
  const view = new AlignmentView(model, setUpRoot(el));
  const stopListening = listenTo(model, {
    "change:theta change:steps": view.onTheta, "change:blur": view.blurPictures, "change:map_over": view.turnMap,
  });
  return () => { view.cancel(); stopListening(); };
}

export default {render};
