// A network that learns: its curves, and where its transformer looks. Python reports a few times a
// second; what the transformer sees is worked out here, from θ.

const BUTTONS = {running: "pause", paused: "resume"};

const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const thousands = number => Math.round(number).toLocaleString("en-US");

// Loss curves fall over factors of ten, or hardly at all: the axis is logarithmic for the former.
function lossAxis(losses) {
  const lowest = Math.min(...losses), highest = Math.max(...losses);
  if (lowest > 0 && highest / lowest > 4) return {y: [lowest / 1.1, highest * 1.1], log: true};
  return {y: [0, Math.max(1.1 * highest, 1e-6)], log: false};
}

function render({model, el}) {
  frame(el);
  // A button that has no use now keeps the focus, which one that is `disabled` would lose.
  const press = (element, word) => {
    if (element.getAttribute("aria-disabled") !== "true") model.send({press: word});
  };
  const top = row(el);
  const hold = button(top, "pause", () => press(hold, hold.textContent));
  const stop = button(top, "stop", () => press(stop, "stop"), "stop the training");
  const bar = make("progress", {max: 1, value: 0, "aria-label": "steps done"});
  const figures = make("span", {className: "stn-figures"});
  top.append(bar, figures);
  const epochs = make("p", {className: "stn-epochs", role: "status"});
  el.append(epochs);

  const curves = make("div", {className: "stn-pictures stn-curves"});
  el.append(curves);
  const lossCanvas = panel(curves, "training loss, step by step");
  const accuracyCanvas = panel(curves, "test accuracy, after every epoch");
  for (const canvas of [lossCanvas, accuracyCanvas]) { canvas.width = 792; canvas.height = 320; }

  // Above, each digit with the region that is read; beneath, what the classifier gets to see.
  const labels = model.get("labels"), gallery = make("div", {className: "stn-gallery"});
  const digits = !model.get("thetas").length ? [] : greyPictures(model.get("images"), model.get("image_shape"))
    .map(source => {
      const column = make("div", {className: "stn-digit"});
      gallery.append(column);
      const region = panel(column, ""), view = panel(column, "");
      const [told, answered] = column.querySelectorAll("figcaption");
      return {region: new Digit(region, source, 160), view: new Digit(view, source, 160), told, answered};
    });
  gallery.prepend(make("div", {className: "stn-digit-rows"},
    make("span", {}, "where it looks"), make("span", {}, "what the classifier sees, and says")));
  if (digits.length) el.append(gallery);
  const tell = messages(el);

  function drawCurves() {
    const {steps, epochs: planned} = model.get("progress"), stride = model.get("stride");
    const losses = [...floatsOf(model.get("losses"))], accuracy = model.get("accuracy");
    const points = losses.map((loss, k) => [(k + 0.5) * stride, loss]);
    const axis = losses.length ? lossAxis(losses) : {y: [0, 2.5], log: false};
    diagram(lossCanvas, {x: [0, steps || 1], ...axis, xLabel: "step", curves: [{points, colour: BLUE}]});
    const last = losses.length ? `, now ${losses.at(-1).toFixed(2)}` : "";
    lossCanvas.setAttribute("aria-label", `training loss against steps${last}`);
    const share = accuracy.map((value, k) => [k + 1, 100 * value]);
    diagram(accuracyCanvas, {x: [0, planned || 1], y: [0, 100], unit: " %", xLabel: "epoch",
                             curves: [{points: share, colour: GREEN, dots: accuracy.length <= 40}]});
    const words = accuracy.map(value => percent(value)).join(", ") || "none yet";
    accuracyCanvas.setAttribute("aria-label", `test accuracy after every epoch: ${words}`);
  }

  function drawGallery() {
    const thetas = model.get("thetas"), answers = model.get("answers"), view = model.get("view");
    digits.forEach((digit, k) => {
      const right = answers[k] === labels[k];
      digit.region.showRegion(thetas[k]);
      digit.view.showView(thetas[k], view);
      digit.told.textContent = `a ${labels[k]}`;
      digit.answered.textContent = `→ ${answers[k]} ${right ? "✓" : "✗"}`;
      digit.answered.classList.toggle("stn-wrong", !right);
      digit.region.canvas.setAttribute("aria-label", `digit ${k + 1}, a ${labels[k]}, with the region that is read`);
      digit.view.canvas.setAttribute("aria-label",
        `what the classifier sees of it; its answer, ${answers[k]}, is ${right ? "right" : "wrong"}`);
    });
  }

  function draw() {
    const state = model.get("state"), accuracy = model.get("accuracy");
    const {step, steps, epochs: planned, images_a_second: rate, seconds} = model.get("progress");
    const epoch = Math.min(accuracy.length + 1, planned), going = state in BUTTONS;
    figures.textContent = [state, `epoch ${epoch} of ${planned}`, `step ${thousands(step)} of ${thousands(steps)}`,
                           `${thousands(rate)} images/s`, clock(seconds)].join(" · ");
    bar.value = steps ? step / steps : 0;
    hold.textContent = BUTTONS[state] ?? "pause";
    hold.setAttribute("aria-label", `${hold.textContent} the training`);
    for (const element of [hold, stop]) element.setAttribute("aria-disabled", !going);
    // Read out by screen readers, hence only what changes once an epoch, or less often.
    const words = !accuracy.length ? "No epoch is done yet."
      : `Epoch ${accuracy.length} of ${planned} done: test accuracy ${percent(accuracy.at(-1))}.`;
    const news = state === "running" || state === "ready" ? words : `The training is ${state}. ${words}`;
    if (epochs.textContent !== news) epochs.textContent = news;
    tell(model.get("message"));
    drawCurves();
    drawGallery();
  }
  const redraw = oncePerFrame(draw);

  draw();
  const follow = ["state", "progress", "message", "losses", "accuracy", "answers", "thetas"]
    .map(name => `change:${name}`).join(" ");
  model.on(follow, redraw);
  return () => {
    redraw.cancel();
    model.off(follow, redraw);
  };
}

export default {render};
