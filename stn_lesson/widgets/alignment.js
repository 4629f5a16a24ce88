// "Align it yourself": bring the picture onto the wanted one by sliders, on a map of the loss, or let
// the descent do it.

const SAMPLES = 28; // of a large picture, the map looks at so many rows and columns only
const MOST_STEPS = 300, PATIENCE = 20, FLAT = 1e-6; // when a descent ends by itself

// A matrix of six cells under its name; `cells` are the elements to fill.
function matrix(parent, name, words, makeCell = () => make("span")) {
  const cells = [0, 1, 2, 3, 4, 5].map(makeCell);
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
    const {bytes: view, size: [height, width]} = model.get("pictures")[name];
    const grey = new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    return {grey, height, width};
  };
  const sharp = [load("source"), load("wanted")], size = [sharp[0].height, sharp[0].width];
  const meanSquare = ({grey}) => grey.reduce((sum, value) => sum + value * value, 0) / grey.length;
  const nothingOverlaps = meanSquare(sharp[0]) + meanSquare(sharp[1]) || 1; // the loss then
  const every = Math.ceil(Math.max(...size) / SAMPLES);
  const start = {theta: readTheta(model), blur: model.get("blur")};
  const save = changes => { model.set(changes); model.save_changes(); };
  let source, wanted; // the two pictures as blurred now

  const main = make("div", {className: "stn-main"}), pictures = make("div", {className: "stn-pictures"});
  const side = make("div");
  el.append(make("div", {className: "stn-sides"}, main, side));
  main.append(pictures);
  const sourceCanvas = panel(pictures, "source: where it looks", "source with the region that is read");
  const view = new SourceView(sourceCanvas, {side: 144});
  const mixCanvas = panel(pictures, "warped orange, wanted blue"), wantedCanvas = panel(pictures, "wanted");
  for (const [canvas, longest] of [[mixCanvas, 202], [wantedCanvas, 120]]) {
    canvas.classList.add("stn-pixels");
    canvas.style.width = `${longest * size[1] / Math.max(...size)}px`;
  }

  // The descent. It begins anew wherever something else (slider, map, Python) puts θ.
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

  const write = theta => writeTheta(model, theta);
  const sliders = thetaSliders(main, model.get("sliders"), () => size, write);
  const buttons = row(main);
  const play = button(buttons, "play", () => {
    if (playing) pause();
    else { playing = true; ended = ""; losses = []; until = adam.steps + MOST_STEPS; name(play, "pause"); tell(""); }
    redraw();
  });
  play.style.minWidth = "5em";
  button(buttons, "step", () => { pause(); advance(); redraw(); }, "one step of descent");
  button(buttons, "restart", () => {
    begin(path[0]);
    save({theta: here, steps: 0});
    redraw();
  }, "back to where the descent began");
  button(buttons, "shift it far", () => write(model.get("far")));
  button(buttons, "reset", () => { write(start.theta); save({blur: start.blur}); }, "reset to the start");
  const state = row(main);
  const blur = slider(state, {label: "blur", min: 0, max: 6, step: 1, digits: 0, unit: " px"}, k => save({blur: k}));

  const reading = make("output", {role: "none"}), count = make("output", {role: "none"});
  state.append(reading);
  const lossBar = bar(state);
  state.append(count);
  const matrices = row(el), numbers = matrix(matrices, "θ", "the six numbers of θ");
  const slopes = matrix(matrices, "∂L/∂θ", "the gradient of the loss");
  const slopeTexts = slopes.map(cell => cell.appendChild(make("span")));
  const bars = slopes.map(cell => bar(cell, true));
  matrices.append("The arrows point where descent moves each number: left to smaller, right to larger.");
  const tell = messages(el);

  // The map: two numbers of the picture's movement vary, the others are held.
  const mapCanvas = panel(side, "map of the loss: drag the point"), map = new SlowMap();
  mapCanvas.width = mapCanvas.height = SIDE;
  const mapFigure = mapCanvas.closest("figure"), legend = make("div", {className: "stn-row"});
  const ramp = make("span", {className: "stn-bar stn-ramp"});
  ramp.style.width = "56px";
  ramp.style.background = `linear-gradient(90deg, ${CIVIDIS.map(colour => `rgb(${colour})`)})`;
  let mapBitmap = null;
  const upwards = (name, i) => i === 1 && name !== "y"; // more is up; but y points down, as on the screen
  const toMap = moves => model.get("map_over").map((name, i) => {
    const {min, max} = THETA_SLIDERS[name], part = (moves[name] - min) / (max - min);
    return upwards(name, i) ? 1 - part : part;
  });
  const fromMap = parts => Object.fromEntries(model.get("map_over").map((name, i) => {
    const {min, max} = THETA_SLIDERS[name], part = clamp(parts[i], 0, 1);
    return [name, min + (upwards(name, i) ? 1 - part : part) * (max - min)];
  }));
  const place = handle(mapCanvas, "present place on the map", (x, y) => {
    Object.assign(sliders.numbers, fromMap([x / SIDE, y / SIDE]));
    write(affineTheta(sliders.numbers, ...size));
  });
  const labels = Object.values(THETA_SLIDERS).map(({label}) => label), names = Object.keys(THETA_SLIDERS);
  const axes = ["↔", "↕"].map((sign, i) => {
    const ends = make("span"), line = row(mapFigure);
    const select = choice(line, sign, labels, label => {
      const over = [...model.get("map_over")], chosen = names[labels.indexOf(label)];
      if (over[1 - i] === chosen) over[1 - i] = over[i]; // the same twice: they change places
      over[i] = chosen;
      save({map_over: over});
    });
    select.setAttribute("aria-label", i ? "map, upright" : "map, left to right");
    line.append(ends);
    return {select, ends};
  });
  mapFigure.append(legend);

  function askForMap() {
    const over = model.get("map_over"), held = {...sliders.numbers}, pictures = [source, wanted];
    const key = names.map(name => over.includes(name) ? name : held[name]);
    map.ask(JSON.stringify([key, held.flip, model.get("blur")]), (x, y) =>
      assess(...pictures, affineTheta({...held, ...fromMap([x, y])}, ...size), {every}).loss);
  }

  function drawMap() {
    if (!map.idle && map.work()) {
      const {low, high, picture} = map.picture();
      mapBitmap = bitmap(picture);
      const over = axes.map(({select}) => select.value).join(" and ");
      mapCanvas.setAttribute("aria-label", `map of the loss over ${over}, from ${fixed(low, 3)} to ${fixed(high, 3)}`);
      legend.replaceChildren(`low ${fixed(low, 3)}`, ramp, `${fixed(high, 3)} high`);
    }
    const g = mapCanvas.getContext("2d");
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, SIDE, SIDE);
    if (mapBitmap) g.drawImage(mapBitmap, 0, 0);
    const points = path.map(theta => takeApart(theta, ...size)).filter(Boolean)
      .map(moves => toMap(moves).map(part => SIDE * part));
    if (points.length > 1) {
      trace(g, points, "black", 4);
      trace(g, points, "white", 2);
      dot(g, points[0], 4, "white", "black");
    }
    if (!map.idle) remap();
  }

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
    count.textContent = `step ${adam.steps}`;
    lossBar(loss / nothingOverlaps);
    blur.set(model.get("blur"));
    if (known) askForMap();
    remap.cancel();
    drawMap();
    place.place(...toMap(sliders.numbers).map(part => SIDE * part));
    if (playing) redraw();
    clearTimeout(timer);
    const words = known ? `${ended} Loss ${fixed(loss, 4)} after ${adam.steps} steps.`.trim()
      : "This θ reads the whole target from one line or point: no slider can say it.";
    if (!playing) timer = setTimeout(() => tell(words), 150); // once things stand still
  }
  let timer = 0;
  const redraw = oncePerFrame(draw), remap = oncePerFrame(drawMap);

  function soften() {
    [source, wanted] = sharp.map(picture => blurred(picture, model.get("blur")));
    view.show(greyPicture(source.grey, ...size, 1));
    paint(wantedCanvas, greyPicture(wanted.grey, ...size, 1));
    losses = []; ended = ""; // another loss from now on
    redraw();
  }
  function heard() {
    const theta = readTheta(model);
    if (theta.some((number, i) => number !== here[i])) {
      begin(theta);
      if (model.get("steps")) save({steps: 0});
    }
    redraw();
  }
  function turnMap() {
    model.get("map_over").forEach((name, i) => {
      const {label, min, max, digits, unit = ""} = THETA_SLIDERS[name], {select, ends} = axes[i];
      select.value = label;
      ends.textContent = [min, max].map(end => fixed(end, digits) + unit).join(" … ");
    });
    redraw();
  }

  begin(readTheta(model));
  soften();
  turnMap();
  draw();
  model.on("change:theta", heard);
  model.on("change:blur", soften);
  model.on("change:map_over", turnMap);
  return () => {
    redraw.cancel(); remap.cancel(); clearTimeout(timer);
    model.off("change:theta", heard);
    model.off("change:blur", soften);
    model.off("change:map_over", turnMap);
  };
}

export default {render};
