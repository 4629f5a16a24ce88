// "Align it yourself": bring the picture onto the wanted one by sliders, on a map of the loss, or let
// the descent do it.

const MOST_STEPS = 300, PATIENCE = 20, FLAT = 1e-6; // when a descent ends by itself

// A matrix of six cells under its name; returns the elements to fill.
function matrix(parent, name, words) {
  const cells = [0, 1, 2, 3, 4, 5].map(() => make("span"));
  parent.append(make("div", {className: "stn-formula", role: "group", "aria-label": words},
    `${name} =`, make("span", {className: "stn-matrix"}, ...cells)));
  return cells;
}

// A bar from 0; signed ones start in the middle and point to where they go.
function bar(parent, signed = false) {
  const inner = make("i"), outer = make("span", {className: "stn-bar", "aria-hidden": "true"}, inner);
  parent.append(outer);
  return part => {
    const length = clamp(Math.abs(part), 0, 1) * (signed ? 50 : 100);
    inner.style.width = `${length}%`;
    inner.style.left = signed ? `${part < 0 ? 50 - length : 50}%` : 0;
    inner.className = !signed ? "" : part < 0 ? "stn-smaller" : "stn-larger";
  };
}

function render({model, el}) {
  frame(el);
  const load = name => {
    const {bytes, size: [height, width]} = model.get("pictures")[name];
    return {grey: floatsOf(bytes), height, width};
  };
  const sharp = [load("source"), load("wanted")], size = [sharp[0].height, sharp[0].width];
  const meanSquare = ({grey}) => grey.reduce((sum, value) => sum + value * value, 0) / grey.length;
  const nothingOverlaps = meanSquare(sharp[0]) + meanSquare(sharp[1]) || 1; // the loss then
  const start = {theta: readTheta(model), blur: model.get("blur")}, save = saver(model);
  let source, wanted; // the two pictures as blurred now

  const main = make("div", {className: "stn-main"}), pictures = make("div", {className: "stn-pictures"});
  const side = make("div");
  el.append(make("div", {className: "stn-sides"}, main, side));
  main.append(pictures);
  const sourceCanvas = panel(pictures, "source: where it looks", "source with the region that is read");
  const view = new SourceView(sourceCanvas, {side: 144});
  const mixCanvas = panel(pictures, "warped orange, wanted blue, pale where both");
  const wantedCanvas = panel(pictures, "wanted");
  for (const [canvas, longest] of [[mixCanvas, 202], [wantedCanvas, 120]]) {
    canvas.classList.add("stn-pixels");
    canvas.style.width = `${longest * size[1] / Math.max(...size)}px`;
  }

  // The descent. It begins anew wherever something else (slider, map, Python, another view of the
  // same model) puts θ.
  let adam, here, path, losses = [], playing = false, ended = "", until = 0;
  const begin = theta => { adam = new Adam(); here = theta; path = [theta]; pause(); };
  const pause = (why = "") => { playing = false; ended = why; name(play, "play"); };
  const name = (element, words) => { element.textContent = words; element.setAttribute("aria-label", words); };
  function advance() {
    const {loss, gradient} = assess(source, wanted, here);
    losses = [...losses, loss].slice(-PATIENCE - 1);
    here = adam.step(here, gradient).map(Math.fround);
    path.push(here);
    save({theta: here, steps: adam.steps});
    const change = Math.max(...losses) - Math.min(...losses);
    if (playing && losses.length > PATIENCE && change < FLAT) {
      const lost = gradient.every(slope => slope === 0);
      pause(lost ? "The gradient is 0: no slope says where to go." : "The loss no longer falls.");
    } else if (playing && adam.steps >= until) pause(`Stopped after ${MOST_STEPS} steps.`);
  }
  function write(theta) {
    begin(theta.map(Math.fround));
    save({theta: here, steps: 0});
    redraw();
  }

  const sliders = thetaSliders(main, model.get("sliders"), () => size, write);
  const buttons = row(main);
  const play = button(buttons, "play", () => {
    if (playing) pause();
    else { playing = true; ended = ""; losses = []; until = adam.steps + MOST_STEPS; name(play, "pause"); tell(""); }
    redraw();
  });
  play.style.minWidth = "5em";
  button(buttons, "step", () => { pause(); advance(); redraw(); }, "one step of descent");
  button(buttons, "restart", () => write(path[0]), "back to where the descent began");
  button(buttons, "shift it far", () => write(model.get("far")));
  button(buttons, "reset", () => { write(start.theta); save({blur: start.blur}); }, "reset to the start");
  const state = row(main);
  const blur = slider(state, {label: "blur", min: 0, max: model.get("largest_blur"), step: 1, digits: 0, unit: " px"},
    k => save({blur: k}));

  const reading = make("output", {role: "none"}), count = make("output", {role: "none"});
  state.append(reading);
  const lossBar = bar(state);
  state.append(count);
  const matrices = row(el), numbers = matrix(matrices, "θ", "the six numbers of θ");
  const slopes = matrix(matrices, "∂L/∂θ", "the gradient of the loss");
  const slopeTexts = slopes.map(cell => cell.appendChild(make("span")));
  const bars = slopes.map(cell => bar(cell, true));
  matrices.append("Each arrow points downhill: to the left, L falls if the number shrinks; to the right, if it grows.");
  const tell = messages(el), tellAtRest = quietly(tell);
  const map = lossMap(side, model, size, sliders.numbers, write);

  function draw() {
    if (playing) advance();
    const theta = readTheta(model), target = new Float32Array(wanted.grey.length);
    const {loss, gradient} = assess(source, wanted, theta, {target});
    paint(mixCanvas, overlay(target, wanted));
    outline(view.clear(), theta, source, view.at);
    const known = sliders.follow(theta), largest = Math.max(...gradient.map(Math.abs));
    numbers.forEach((cell, i) => { cell.textContent = fixed(theta[i], 3); });
    slopeTexts.forEach((text, i) => { text.textContent = fixed(gradient[i], 4); });
    bars.forEach((show, i) => show(largest && -gradient[i] / largest)); // downhill is against the gradient
    mixCanvas.setAttribute("aria-label", `warped picture over the wanted one, loss ${fixed(loss, 4)}`);
    reading.textContent = `loss L = ${fixed(loss, 4)}`;
    count.textContent = `step ${model.get("steps")}`;
    lossBar(loss / nothingOverlaps);
    blur.set(model.get("blur"));
    if (known) map.ask(source, wanted);
    map.draw(path);
    if (playing) { tellAtRest.cancel(); return redraw(); }
    tellAtRest(known ? `${ended} Loss ${fixed(loss, 4)} after ${model.get("steps")} steps.`.trim() : NO_SLIDER);
  }
  const redraw = oncePerFrame(draw);

  function soften() {
    [source, wanted] = sharp.map(picture => blurred(picture, model.get("blur")));
    view.show(greyPicture(source.grey, ...size, 1));
    paint(wantedCanvas, greyPicture(wanted.grey, ...size, 1));
    losses = []; ended = ""; // another loss from now on
    redraw();
  }
  function heard() {
    const theta = readTheta(model);
    if (theta.some((number, i) => number !== here[i])) begin(theta);
    redraw();
  }
  function turnMap() {
    map.turn();
    redraw();
  }

  begin(readTheta(model));
  soften();
  turnMap();
  draw();
  model.on("change:theta change:steps", heard);
  model.on("change:blur", soften);
  model.on("change:map_over", turnMap);
  return () => {
    redraw.cancel(); map.cancel(); tellAtRest.cancel();
    model.off("change:theta change:steps", heard);
    model.off("change:blur", soften);
    model.off("change:map_over", turnMap);
  };
}

export default {render};
