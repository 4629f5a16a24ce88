// Three families of transformations under the hand: the points by which each is held, the lines of
// the sampling grid that bend through them, and the target that they give.

const LINES = 8, PIECES = 48; // squares of the net of lines on a side, and pieces of each line
const FAMILIES = {
  affine: "affine: three points",
  projective: "projective: four points",
  tps: "thin-plate spline: a net of points",
};
const NETS = [2, 3, 4, 5, 6].map(k => `${k} × ${k}`);
const HOLD = "θ maps target to source: each point stands for a fixed place of the target. "
  + "Drag it to where that place should look in the source.";

// The lines of the target, first those of fixed x, then those of fixed y.
const NET_LINES = [0, 1].flatMap(axis => Array.from({length: LINES + 1}, (_, line) =>
  Array.from({length: PIECES + 1}, (_, piece) => {
    const point = [centre(line, LINES + 1), centre(piece, PIECES + 1)];
    return axis ? point.reverse() : point;
  })));
const NET_TARGETS = Float64Array.from(NET_LINES.flat(2));
const EDGES = [0, LINES, LINES + 1, 2 * LINES + 1]; // those of the border

const pair = (x, y) => `(${fixed(x)}, ${fixed(y)})`;
const nameOf = (family, k, n) => family === "tps"
  ? `row ${Math.floor(n / k)}, column ${n % k}`
  : `${CORNER_NAMES[family === "affine" ? [0, 1, 3][n] : n]} corner`;

// The identity of a family, or its points pushed aside at random: at a corner by half a unit at
// most, so that no corner of a homography goes beyond the line between its neighbours.
function thrown(family, k, strength) {
  const most = strength * (family === "tps" ? Math.min(0.5, 1 / (k - 1)) : 0.5);
  return controlPoints(family, k).map(point => point.map(value => value + most * (2 * Math.random() - 1)));
}

// Where the lines meet that run along x or y in the target: the last row of θ makes them.
function meeting(theta, axis) {
  const depth = theta[6 + axis];
  if (Math.abs(depth) < 5e-4) return "stay parallel";
  return `meet at ${pair(theta[axis] / depth, theta[3 + axis] / depth)}`;
}

const beyond = (theta, targets) => { // the share of the target that has no depth
  let count = 0;
  for (let n = 0; n < targets.length; n += 2) {
    if (theta[6] * targets[n] + theta[7] * targets[n + 1] + theta[8] <= HORIZON) count++;
  }
  return 2 * count / targets.length;
};

// What there is to say of a θ.
function explained(theta, targets) {
  const k = sideOf(theta), family = familyOf(theta);
  if (family === "affine") return ["Six numbers: parallels stay parallel, and the fourth corner follows from three."];
  if (family === "tps") {
    return [`2 · ${k * k} = ${theta.length} numbers: where each of the ${k * k} points looks. Between them the grid `
      + "bends as little as a thin sheet of metal would."];
  }
  const share = beyond(theta, targets);
  return [
    "Eight numbers. θ’s last row makes the depth w, and so it is what makes parallels meet.",
    `In the source the rows of the grid ${meeting(theta, 0)}, its columns ${meeting(theta, 1)}.`,
    share ? `${percent(share)} of the target lies on the horizon or beyond it (w ≤ 0) and looks far outside.` : "",
  ];
}

// Whether these places are those of θ, but for its rounding.
function isHeldBy(places, theta) {
  const own = placesOf(theta).length === places.length && THROUGH[familyOf(theta)](places);
  return Boolean(own) && own.every((value, n) => Math.fround(value) === theta[n]);
}

const CARRIED = {
  affine: "The three corners stay; the rest follows from them.",
  projective: "The four corners stay; the rest follows from them.",
  tps: "The points of the net are taken from the grid as it was.",
};

function render({model, el}) {
  frame(el);
  const pictures = make("div", {className: "stn-pictures"});
  el.append(pictures, make("p", {className: "stn-explained"}, HOLD));
  const save = saver(model);
  const sourceCanvas = panel(pictures, "source: where it looks"), view = new SourceView(sourceCanvas, {margin: 0.25});
  const targetCanvas = panel(pictures, "target: what it gets");
  targetCanvas.classList.add("stn-pixels");
  const source = picture(model.get("source").bytes, model.get("source").size);
  view.show(source);
  let places = placesOf(readTheta(model)); // where the points look, as exactly as the hand put them
  let chosen = 0, targets, handles = [], followTheta = null, held = ""; // `held`: what there are handles of

  const family = () => familyOf(readTheta(model));
  const side = () => family() === "tps" ? sideOf(readTheta(model)) : model.get("k");

  // A family held by points that look at these places; false if it has no such θ.
  function hold(name, k, wanted) {
    const theta = wanted && THROUGH[name](wanted);
    if (theta) {
      places = wanted;
      save({theta: theta.map(Math.fround), family: name, k});
      tell("");
    }
    redraw();
    return Boolean(theta);
  }
  function put(n, place) {
    if (!hold(family(), side(), places.map((old, i) => i === n ? place : old))) {
      tell("With parallel diagonals the four corners make no homography: the point stays where it was.");
    }
  }
  function become(name, k) {
    const theta = carryOver(readTheta(model), name, k);
    hold(name, k, theta ? placesOf(theta) : controlPoints(name, k));
    tell(theta ? CARRIED[name] : `The ${name} family cannot take over points so far outside: it starts from the identity.`);
  }

  const families = row(el);
  const select = choice(families, "family", Object.keys(FAMILIES), name => become(name, model.get("k")));
  for (const option of select.options) option.textContent = FAMILIES[option.value];
  const net = choice(families, "net", NETS, text => become("tps", Number(text[0])));
  button(families, "wobble", () => hold(family(), side(), thrown(family(), side(), 1)), "push all points aside at random");
  button(families, "reset", () => hold(family(), side(), thrown(family(), side(), 0)), "reset to the identity");
  const point = row(el);
  point.classList.add("stn-place");
  const which = choice(point, "point", [], name => choose([...which.options].findIndex(o => o.value === name)));
  const range = {min: -1.5, max: 1.5, step: 0.01};
  const [xSlider, ySlider] = ["x", "y"].map((label, axis) => slider(point, {label, ...range}, value =>
    put(chosen, places[chosen].map((old, i) => i === axis ? value : old))));
  const said = make("div", {className: "stn-explained stn-figures"}), formula = make("div");
  el.append(said, formula);
  const tell = messages(el);

  function choose(n) {
    chosen = n;
    redraw();
  }

  const toSource = (x, y) => { // from canvas pixels to −1 … 1
    const [column, line] = view.from(x, y);
    return [2 * column / Math.max(source.width - 1, 1) - 1, 2 * line / Math.max(source.height - 1, 1) - 1];
  };
  const onCanvas = ([x, y]) => view.at((x + 1) * (source.width - 1) / 2, (y + 1) * (source.height - 1) / 2);

  // The handles, names and numbers of another family or another net.
  function equip(name, k) {
    if (held === `${name} ${k}`) return;
    held = `${name} ${k}`;
    chosen = 0;
    const names = places.map((_, n) => nameOf(name, k, n));
    for (const {knob} of handles) knob.remove();
    handles = names.map((words, n) => handle(sourceCanvas, `point: ${words}`, (x, y) => put(n, toSource(x, y))));
    handles.forEach(({knob}, n) => knob.addEventListener("focus", () => choose(n)));
    which.replaceChildren(...names.map(words => make("option", {value: words}, words)));
    select.value = name;
    net.parentElement.hidden = name !== "tps";
    net.value = NETS[k - 2];
    formula.replaceChildren();
    const write = theta => { save({theta: theta.map(Math.fround)}); tell(""); redraw(); };
    followTheta = name === "tps" ? null : thetaFields(formula, name === "affine" ? 2 : 3, model, write, tell);
  }

  function drawLines(g, theta) {
    const looks = looksAt(theta, NET_TARGETS), width = PIECES + 1;
    const lines = NET_LINES.map((_, line) => Array.from({length: width}, (_, piece) => {
      const n = 2 * (line * width + piece);
      return onCanvas([looks[n], looks[n + 1]]);
    }));
    for (const line of lines) trace(g, line, "white", 3);
    lines.forEach((line, n) => { if (!EDGES.includes(n)) trace(g, line, BLUE, 1.5); });
    for (const n of EDGES) trace(g, lines[n], ORANGE, 3);
  }

  function draw() {
    const theta = readTheta(model), name = family(), k = side();
    if (!isHeldBy(places, theta)) places = placesOf(theta); // it was typed, or set by Python
    equip(name, k);
    const own = model.get("target_size"), [height, width] = own.length ? own : [source.height, source.width];
    if (targets?.size !== `${height} ${width}`) targets = Object.assign(meshgrid(height, width), {size: `${height} ${width}`});
    paint(targetCanvas, {pixels: sample(source, looksAt(theta, targets), height, width), height, width});
    targetCanvas.style.width = `${280 * width / Math.max(height, width)}px`;
    drawLines(view.clear(), theta);
    handles.forEach(({knob, place}, n) => {
      place(...onCanvas(places[n]), pair(...places[n]));
      knob.classList.toggle("stn-chosen", n === chosen);
      knob.tabIndex = n === chosen ? 0 : -1; // one stop for the tab key; the list of points has them all
    });
    which.selectedIndex = chosen;
    const [x, y] = places[chosen], [xt, yt] = controlPoints(name, k)[chosen];
    xSlider.set(x);
    ySlider.set(y);
    const moved = `${nameOf(name, k, chosen)}: at ${pair(xt, yt)} in the target, looks at ${pair(x, y)}, `
      + `displaced by ${pair(x - xt, y - yt)}`;
    said.replaceChildren(...[moved, ...explained(theta, targets)].map(line => make("div", {}, line)));
    followTheta?.(theta);
    const what = `${source.height} by ${source.width} pixels`;
    sourceCanvas.setAttribute("aria-label", `source: ${what}, with the lines of the sampling grid, ${FAMILIES[name]}`);
    targetCanvas.setAttribute("aria-label", `target: ${height} by ${width} pixels`);
  }
  const redraw = oncePerFrame(draw);

  draw();
  const follow = "change:theta change:k change:target_size";
  model.on(follow, redraw);
  return () => {
    redraw.cancel();
    model.off(follow, redraw);
  };
}

export default {render};
