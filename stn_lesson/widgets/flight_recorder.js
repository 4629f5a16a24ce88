// A finished training, to be wound back and forth: θ of every digit after every epoch, and
// everything in between. Epoch 0 is the time before training, when every θ is the identity.

const FLIGHT_MS = 8000; // from the first epoch to the last
const TILES_PER_ROW = 8;

// Plays the epochs as time goes by; `save` is told each, `redraw` called when it starts or stops.
class Player {
  frame = 0; // that has been asked for; 0 while it rests

  constructor(model, last, save, redraw) { Object.assign(this, {model, last, save, redraw}); }

  play() {
    const {last} = this;
    let before = performance.now(), epoch = this.model.get("epoch");
    if (epoch >= last) epoch = 0;
    const next = now => {
      epoch = Math.min(epoch + last * Math.max(now - before, 0) / FLIGHT_MS, last);
      before = now;
      this.frame = epoch < last ? requestAnimationFrame(next) : 0;
      this.save({epoch});
    };
    this.frame = requestAnimationFrame(next);
    this.redraw();
  }

  pause() {
    this.cancel();
    this.redraw();
  }

  cancel() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }
}

class FlightView {
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    Object.assign(this, {model, save: saver(model), labels: model.get("labels"), accuracy: model.get("accuracy")});
    this.pictures = greyPictures(model.get("images"), model.get("image_shape"));
    this.thetas = floatsOf(model.get("flight"));
    this.thetasPerEpoch = 6 * this.pictures.length;
    this.last = this.thetas.length / this.thetasPerEpoch - 1;
    this.player = new Player(model, this.last, this.save, this.redraw);
    const main = makeElement("div"), side = makeElement("div");
    el.append(makeElement("div", {className: "stn-sides"}, main, side));
    this.addTiles(main);
    this.addLarge(side);
    this.addCurve(main);
    this.addControls(main);
    this.draw();
  }

  nameOf = k => `image ${k + 1}${this.labels.length ? `, a ${this.labels[k]}` : ""}`;

  // θ of digit k at any time: a share of the epoch before and a share of the epoch after.
  thetaAt(epoch, k) {
    const {thetas, thetasPerEpoch} = this, before = Math.min(Math.floor(epoch), this.last - 1), share = epoch - before;
    const at = before * thetasPerEpoch + 6 * k;
    return Array.from({length: 6}, (_, i) => (1 - share) * thetas[at + i] + share * thetas[at + thetasPerEpoch + i]);
  }

  // The digits are one group for the tab key, and arrow keys walk about in it.
  addTiles(parent) {
    const tiles = makeElement("div", {className: "stn-tiles", role: "radiogroup",
                                      "aria-label": "images: choose one to see it large"});
    parent.append(tiles);
    this.digits = this.pictures.map((source, k) => {
      const canvas = makeElement("canvas");
      const tile = makeElement("button", {type: "button", role: "radio", "aria-label": this.nameOf(k)}, canvas);
      tile.addEventListener("click", () => this.save({chosen: k}));
      tiles.append(tile);
      return Object.assign(new Digit(canvas, source, 112), {tile});
    });
    tiles.addEventListener("keydown", event => {
      const [right, down] = ARROWS[event.key] ?? [0, 0];
      if (!(right || down)) return;
      event.preventDefault();
      const chosen = this.model.get("chosen") + right + TILES_PER_ROW * down;
      if (!this.digits[chosen]) return;
      this.save({chosen});
      this.digits[chosen].tile.focus();
    });
  }

  addLarge(parent) {
    const large = makeElement("div", {className: "stn-large"}), seen = makeElement("div", {className: "stn-large"});
    this.numbers = makeElement("p", {className: "stn-numbers"});
    parent.append(large, seen, this.numbers);
    this.regionCanvas = panel(large, "where it looks");
    this.viewCanvas = panel(seen, "what it sees");
    this.region = new Digit(this.regionCanvas, this.pictures[0], 300);
    this.view = new Digit(this.viewCanvas, this.pictures[0], 300);
  }

  addCurve(parent) {
    const {accuracy, last} = this, flight = makeElement("div", {className: "stn-flight"});
    if (accuracy.length) parent.append(flight);
    this.curveCanvas = panel(flight, "test accuracy");
    this.curve = makeElement("canvas", {width: 1172, height: 250}); // drawn once for all
    Object.assign(this.curveCanvas, {width: this.curve.width, height: this.curve.height});
    this.percents = accuracy.map(share => percent(share));
    const points = accuracy.map((share, k) => [k + 1, 100 * share]);
    this.curveAt = diagram(this.curve, {x: [0, last], y: [0, 100], unit: " %", xLabel: "epoch",
                                        curves: [{points, colour: GREEN, dots: last <= 40}]});
    this.curveCanvas.setAttribute("aria-label", `test accuracy after every epoch: ${this.percents.join(", ")}`);
  }

  addControls(parent) {
    const {player, save} = this, time = row(parent);
    this.playButton = button(time, "play", () => player.frame ? player.pause() : player.play());
    time.classList.add("stn-wide");
    this.epochs = slider(time, {label: "epoch", min: 0, max: this.last, step: 0.1, digits: 1}, epoch => {
      player.pause();
      save({epoch});
    });
    this.viewsBox = toggle(row(parent), "show what it sees of each", views => save({views}));
    this.words = makeElement("p", {className: "stn-words"});
    parent.append(this.words);
  }

  describe(epoch) {
    if (epoch === 0) return "Before training: every frame is the whole picture.";
    const after = Math.ceil(epoch - 1e-6), between = after - epoch > 1e-6;
    if (between && after === 1) return "In the first epoch.";
    const when = between ? `Between epochs ${after - 1} and ${after}` : `After epoch ${after} of ${this.last}`;
    if (!this.accuracy.length) return `${when}.`;
    const [before, now] = [this.percents[after - 2], this.percents[after - 1]];
    return between ? `${when}: from ${before} to ${now} of the test images right.`
      : `${when}: ${now} of the test images right.`;
  }

  drawCurve(epoch) {
    const {accuracy, last, curveAt} = this, g = this.curveCanvas.getContext("2d"), [x] = curveAt([epoch, 0]);
    g.drawImage(this.curve, 0, 0);
    drawLine(g, [[x, curveAt([0, 100])[1]], [x, curveAt([0, 0])[1]]], ORANGE, 4);
    if (epoch < 1) return;
    const k = Math.min(Math.floor(epoch), last - 1) - 1, share = epoch - k - 1;
    const height = last > 1 ? (1 - share) * accuracy[k] + share * accuracy[k + 1] : accuracy[0];
    drawDot(g, curveAt([epoch, 100 * height]), 11, ORANGE, "#333");
  }

  drawLarge(epoch, chosen) {
    const theta = this.thetaAt(epoch, chosen), [a, b, x, c, d, y] = theta, name = this.nameOf(chosen);
    this.region.source = this.view.source = this.pictures[chosen];
    this.region.showRegion(theta);
    this.view.showView(theta, this.model.get("view"));
    const area = (100 * Math.abs(a * d - b * c)).toFixed(0);
    const line = numbers => numbers.map(v => fixed(v).padStart(6)).join(" ");
    this.numbers.textContent = `${name}\nθ = ${line([a, b, x])}\n    ${line([c, d, y])}\narea: ${area} % of the picture`;
    this.regionCanvas.setAttribute("aria-label",
      `${name}, with the region that is read: ${area} % of the picture around (${fixed(x)}, ${fixed(y)})`);
    this.viewCanvas.setAttribute("aria-label", `what it sees of ${name}`);
  }

  drawTiles(epoch, chosen) {
    const views = this.model.get("views"), view = this.model.get("view");
    this.digits.forEach((digit, k) => {
      const theta = this.thetaAt(epoch, k);
      if (views) digit.showView(theta, view); else digit.showRegion(theta);
      digit.tile.setAttribute("aria-checked", k === chosen);
      digit.tile.tabIndex = k === chosen ? 0 : -1;
    });
    this.viewsBox.checked = views;
  }

  draw() {
    const {model, words, playButton} = this, epoch = clamp(model.get("epoch"), 0, this.last);
    const chosen = clamp(model.get("chosen"), 0, this.pictures.length - 1);
    this.drawTiles(epoch, chosen);
    this.drawLarge(epoch, chosen);
    if (this.accuracy.length) this.drawCurve(epoch);
    this.epochs.set(epoch);
    words.textContent = this.describe(epoch);
    this.epochs.input.setAttribute("aria-valuetext", `epoch ${fixed(epoch, 1)}. ${words.textContent}`);
    playButton.textContent = this.player.frame ? "pause" : "play";
    playButton.setAttribute("aria-label", `${playButton.textContent} the flight through the epochs`);
  }
}

function render({model, el}) {
  const view = new FlightView(model, setUpRoot(el));
  const stopListening = listenTo(model, {"change:epoch change:chosen change:views": view.redraw});
  return () => { view.player.cancel(); view.redraw.cancel(); stopListening(); };
}

export default {render};
