// A network that learns: its curves, and where its transformer looks. Python reports a few times a
// second; what the transformer sees is worked out here, from θ.

const BUTTON_OF_STATE = {running: "pause", paused: "resume"};

const AIM_CURVES = [
  {name: "digits found", colour: BLUE, value: ({found}) => found},
  {name: "frame follows in x", colour: ORANGE, dash: [18, 8], value: ({slope}) => slope[0]},
  {name: "in y", colour: GREEN, dash: [18, 8, 4, 8], value: ({slope}) => slope[1]},
];

const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const withThousands = number => Math.round(number).toLocaleString("en-US");

// Loss curves fall over factors of ten, or hardly at all: the axis is logarithmic for the former.
function lossAxis(losses) {
  const lowest = Math.min(...losses), highest = Math.max(...losses);
  if (lowest > 0 && highest / lowest > 4) return {y: [lowest / 1.1, highest * 1.1], log: true};
  return {y: [0, Math.max(1.1 * highest, 1e-6)], log: false};
}

class MonitorView {
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    const labels = model.get("labels"), several = Array.isArray(labels[0]);
    Object.assign(this, {model, labels, counted: several ? "test accuracy (all labels right)" : "test accuracy"});
    this.addButtons(row(el));
    this.epochs = makeElement("p", {className: "stn-epochs", role: "status"});
    el.append(this.epochs);
    this.addCurves(el);
    this.addGallery(el);
    this.tell = messageLine(el);
    this.draw();
  }

  addButtons(parent) {
    // A button that has no use now keeps the focus, which one that is `disabled` would lose.
    const press = (element, word) => {
      if (element.getAttribute("aria-disabled") !== "true") this.model.send({press: word});
    };
    this.pauseButton = button(parent, "pause", () => press(this.pauseButton, this.pauseButton.textContent));
    this.stopButton = button(parent, "stop", () => press(this.stopButton, "stop"), "stop the training");
    this.bar = makeElement("progress", {max: 1, value: 0, "aria-label": "steps done"});
    this.figures = makeElement("span", {className: "stn-figures"});
    parent.append(this.bar, this.figures);
  }

  addCurves(el) {
    const curves = makeElement("div", {className: "stn-pictures stn-curves"});
    el.append(curves);
    this.lossCanvas = panel(curves, "training loss, step by step");
    this.accuracyCanvas = panel(curves, `${this.counted}, after every epoch`);
    if (this.model.get("knows_poses")) this.aimCanvas = panel(curves, "aim, after every epoch");
    for (const canvas of curves.querySelectorAll("canvas")) { canvas.width = 792; canvas.height = 320; }
  }

  // Above, each digit with the region that is read; beneath, what the classifier gets to see.
  addGallery(el) {
    const {model} = this, gallery = makeElement("div", {className: "stn-gallery"});
    gallery.append(makeElement("div", {className: "stn-digit-rows"},
      makeElement("span", {}, "where it looks"), makeElement("span", {}, "what the classifier sees, and says")));
    const shown = model.get("thetas").length ? greyPictures(model.get("images"), model.get("image_shape")) : [];
    this.digits = shown.map(source => {
      const column = makeElement("div", {className: "stn-digit"});
      gallery.append(column);
      const region = panel(column, ""), view = panel(column, "");
      const [truth, answer] = column.querySelectorAll("figcaption");
      return {region: new Digit(region, source, 160), view: new Digit(view, source, 160), truth, answer};
    });
    if (shown.length) el.append(gallery);
  }

  drawLoss() {
    const {model, lossCanvas} = this, losses = [...floatsOf(model.get("losses"))], stride = model.get("stride");
    const points = losses.map((loss, k) => [(k + 0.5) * stride, loss]);
    const axis = losses.length ? lossAxis(losses) : {y: [0, 2.5], log: false};
    const curves = [{points, colour: BLUE}], {steps} = model.get("progress");
    diagram(lossCanvas, {x: [0, steps || 1], ...axis, xLabel: "step", curves});
    const last = losses.length ? `, now ${losses.at(-1).toFixed(2)}` : "";
    lossCanvas.setAttribute("aria-label", `training loss against steps${last}`);
  }

  drawAccuracy() {
    const {model, accuracyCanvas} = this, accuracy = model.get("accuracy"), {epochs} = model.get("progress");
    const points = accuracy.map((share, k) => [k + 1, 100 * share]);
    const curves = [{points, colour: GREEN, dots: accuracy.length <= 40}];
    diagram(accuracyCanvas, {x: [0, epochs || 1], y: [0, 100], unit: " %", xLabel: "epoch", curves});
    const words = accuracy.map(value => percent(value)).join(", ") || "none yet";
    accuracyCanvas.setAttribute("aria-label", `${this.counted} after every epoch: ${words}`);
  }

  // How many digits are found, and how much of their way the frame goes with them.
  drawAim() {
    const {model, aimCanvas} = this, aim = model.get("aim"), {epochs} = model.get("progress");
    const curves = AIM_CURVES.map(({value, ...look}) =>
      ({points: aim.map((each, k) => [k + 1, 100 * value(each)]), dots: aim.length <= 40, ...look}));
    const values = curves.flatMap(({points}) => points.map(([, y]) => y));
    const y = [Math.min(0, ...values), Math.max(100, ...values)];
    diagram(aimCanvas, {x: [0, epochs || 1], y, unit: " %", xLabel: "epoch", curves});
    aimCanvas.setAttribute("aria-label", `aim after every epoch, now: ${aim.at(-1)?.words ?? "none yet"}`);
  }

  drawGallery() {
    const {model, labels} = this;
    const thetas = model.get("thetas"), answers = model.get("answers"), view = model.get("view");
    this.digits.forEach((digit, k) => {
      const right = String(answers[k]) === String(labels[k]);
      digit.region.showRegion(thetas[k]);
      digit.view.showView(thetas[k], view);
      digit.truth.textContent = `a ${labels[k]}`;
      digit.answer.textContent = `→ ${answers[k]} ${right ? "✓" : "✗"}`;
      digit.answer.classList.toggle("stn-wrong", !right);
      digit.region.canvas.setAttribute("aria-label", `digit ${k + 1}, a ${labels[k]}, with the region that is read`);
      digit.view.canvas.setAttribute("aria-label",
        `what the classifier sees of it; its answer, ${answers[k]}, is ${right ? "right" : "wrong"}`);
    });
  }

  drawProgress(state) {
    const {step, steps, epochs, images_per_second: rate, seconds} = this.model.get("progress");
    const epoch = Math.min(this.model.get("accuracy").length + 1, epochs);
    this.figures.textContent = [state, `epoch ${epoch} of ${epochs}`,
      `step ${withThousands(step)} of ${withThousands(steps)}`, `${withThousands(rate)} images/s`,
      clock(seconds)].join(" · ");
    this.bar.value = steps ? step / steps : 0;
    const {pauseButton} = this;
    pauseButton.textContent = BUTTON_OF_STATE[state] ?? "pause";
    pauseButton.setAttribute("aria-label", `${pauseButton.textContent} the training`);
    const useless = !(state in BUTTON_OF_STATE);
    for (const element of [pauseButton, this.stopButton]) element.setAttribute("aria-disabled", useless);
  }

  // Read out by screen readers, hence only what changes once an epoch, or less often.
  announceEpochs(state) {
    const accuracy = this.model.get("accuracy"), {epochs} = this.model.get("progress");
    const figures = [`${this.counted} ${percent(accuracy.at(-1) ?? 0)}`, this.model.get("aim").at(-1)?.words];
    const words = !accuracy.length ? "No epoch is done yet."
      : `Epoch ${accuracy.length} of ${epochs} done: ${figures.filter(Boolean).join("; ")}.`;
    const news = state === "running" || state === "ready" ? words : `The training is ${state}. ${words}`;
    if (this.epochs.textContent !== news) this.epochs.textContent = news;
  }

  draw() {
    const state = this.model.get("state");
    this.drawProgress(state);
    this.announceEpochs(state);
    this.tell(this.model.get("message"));
    this.drawLoss();
    this.drawAccuracy();
    if (this.aimCanvas) this.drawAim();
    this.drawGallery();
  }
}

function render({model, el}) {
  const view = new MonitorView(model, setUpRoot(el));
  const followed = ["state", "progress", "message", "losses", "accuracy", "aim", "answers", "thetas"];
  const stopListening = listenTo(model, {[followed.map(name => `change:${name}`).join(" ")]: view.redraw});
  return () => { view.redraw.cancel(); stopListening(); };
}

export default {render};
