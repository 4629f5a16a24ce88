// Three families of transformations under the hand: the points by which each is held, the lines of
// the sampling grid that bend through them, and the target that they give.

const LINE_COUNT = 8, PIECES = 48; // squares of the net of lines on a side, and pieces of each line
const FAMILY_TITLES = {
  affine: "affine: three points",
  projective: "projective: four points",
  tps: "thin-plate spline: a net of points",
};
const NET_TITLES = [2, 3, 4, 5, 6].map(k => `${k} × ${k}`);
const EXPLANATION = "θ maps target to source: each point stands for a fixed place of the target. "
  + "Drag it to where that place should look in the source.";

// The lines of the target, first those of fixed x, then those of fixed y.
const NET_LINES = [0, 1].flatMap(axis => Array.from({length: LINE_COUNT + 1}, (_, line) =>
  Array.from({length: PIECES + 1}, (_, piece) => {
    const point = [pixelCentre(line, LINE_COUNT + 1), pixelCentre(piece, PIECES + 1)];
    return axis ? point.reverse() : point;
  })));
const NET_TARGETS = Float64Array.from(NET_LINES.flat(2));
const BORDER_LINES = [0, LINE_COUNT, LINE_COUNT + 1, 2 * LINE_COUNT + 1]; // those of the border

const inBrackets = (x, y) => `(${fixed(x)}, ${fixed(y)})`;
const pointName = (family, k, n) => family === "tps"
  ? `row ${Math.floor(n / k)}, column ${n % k}`
  : `${CORNER_NAMES[family === "affine" ? [0, 1, 3][n] : n]} corner`;

// Where the points of a family look under the identity, pushed aside at random by up to `strength`: at
// a corner by half a unit at most, so that no corner of a homography goes beyond the line between its
// neighbours.
function randomPlaces(family, k, strength) {
  const most = strength * (family === "tps" ? Math.min(0.5, 1 / (k - 1)) : 0.5);
  return controlPoints(family, k).map(point => point.map(value => value + most * (2 * Math.random() - 1)));
}

// Where the lines meet that run along x or y in the target: the last row of θ makes them.
function vanishingPoint(theta, axis) {
  const depth = theta[6 + axis];
  if (Math.abs(depth) < 5e-4) return "stay parallel";
  return `meet at ${inBrackets(theta[axis] / depth, theta[3 + axis] / depth)}`;
}

// The share of the target that has no depth.
function shareBeyondHorizon(theta, targets) {
  let count = 0;
  for (let n = 0; n < targets.length; n += 2) {
    if (theta[6] * targets[n] + theta[7] * targets[n + 1] + theta[8] <= MIN_DEPTH) count++;
  }
  return 2 * count / targets.length;
}

// What there is to say of a θ, line by line.
function explain(theta, targets) {
  const k = netSide(theta), family = familyOf(theta);
  if (family === "affine") return ["Six numbers: parallels stay parallel, and the fourth corner follows from three."];
  if (family === "tps") {
    return [`2 · ${k * k} = ${theta.length} numbers: where each of the ${k * k} points looks. Between them the grid `
      + "bends as little as a thin sheet of metal would."];
  }
  const share = shareBeyondHorizon(theta, targets);
  return [
    "Eight numbers. θ’s last row makes the depth w, and so it is what makes parallels meet.",
    `In the source the rows of the grid ${vanishingPoint(theta, 0)}, its columns ${vanishingPoint(theta, 1)}.`,
    share ? `${percent(share)} of the target lies on the horizon or beyond it (w ≤ 0) and looks far outside.` : "",
  ];
}

// Whether these places are those of θ, but for its rounding.
function placesGiveTheta(places, theta) {
  const own = placesOf(theta).length === places.length && THETA_THROUGH[familyOf(theta)](places);
  return Boolean(own) && own.every((value, n) => Math.fround(value) === theta[n]);
}

const CARRIED_OVER = {
  affine: "The three corners stay; the rest follows from them.",
  projective: "The four corners stay; the rest follows from them.",
  tps: "The points of the net are taken from the grid as it was.",
};

class FamilyView {
  chosen = 0; handles = []; handlesOf = ""; followTheta = null;
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    Object.assign(this, {model, save: saver(model), source: pictureFromRgb(model.get("source"))});
    this.places = placesOf(readTheta(model)); // where the points look, as exactly as the hand put them
    this.addPictures(el);
    this.addFamilies(row(el));
    this.addPoint(row(el));
    this.explanation = makeElement("div", {className: "stn-explained stn-figures"});
    this.formula = makeElement("div");
    el.append(this.explanation, this.formula);
    this.tell = messageLine(el);
    this.draw();
  }

  get family() { return familyOf(readTheta(this.model)); }
  get k() { return this.family === "tps" ? netSide(readTheta(this.model)) : this.model.get("k"); }

  addPictures(el) {
    const pictures = makeElement("div", {className: "stn-pictures"});
    el.append(pictures, makeElement("p", {className: "stn-explained"}, EXPLANATION));
    this.sourceCanvas = panel(pictures, "source: where it looks");
    this.view = new SourceView(this.sourceCanvas, {margin: 0.25});
    this.view.show(this.source);
    this.targetCanvas = panel(pictures, "target: what it gets");
    this.targetCanvas.classList.add("stn-pixels");
  }

  addFamilies(parent) {
    const wobble = strength => this.setPlaces(this.family, this.k, randomPlaces(this.family, this.k, strength));
    this.familySelect = choice(parent, "family", Object.keys(FAMILY_TITLES),
      name => this.exchange(name, this.model.get("k")));
    for (const option of this.familySelect.options) option.textContent = FAMILY_TITLES[option.value];
    this.netSelect = choice(parent, "net", NET_TITLES, text => this.exchange("tps", Number(text[0])));
    button(parent, "wobble", () => wobble(1), "wobble: push all points aside at random");
    button(parent, "reset", () => wobble(0), "reset to the identity");
  }

  addPoint(parent) {
    parent.classList.add("stn-place");
    this.pointSelect = choice(parent, "point", [], () => this.choose(this.pointSelect.selectedIndex));
    const range = {min: -1.5, max: 1.5, step: 0.01};
    this.pointSliders = ["x", "y"].map((label, axis) => slider(parent, {label, ...range}, value =>
      this.movePoint(this.chosen, this.places[this.chosen].map((old, i) => i === axis ? value : old))));
  }

  // The θ of a family under which its points look at these places; false if it has none.
  setPlaces(family, k, places) {
    const theta = places && THETA_THROUGH[family](places);
    if (theta) {
      this.places = places;
      this.save({theta: theta.map(Math.fround), family, k});
      this.tell("");
    }
    this.redraw();
    return Boolean(theta);
  }

  movePoint(n, place) {
    if (!this.setPlaces(this.family, this.k, this.places.map((old, i) => i === n ? place : old))) {
      this.tell("With parallel diagonals the four corners make no homography: the point stays where it was.");
    }
  }

  exchange(family, k) {
    const theta = carryOver(readTheta(this.model), family, k);
    this.setPlaces(family, k, theta ? placesOf(theta) : controlPoints(family, k));
    this.tell(theta ? CARRIED_OVER[family]
      : `The ${family} family cannot take over points so far outside: it starts from the identity.`);
  }

  choose(n) {
    this.chosen = n;
    this.redraw();
  }

  // The handles, names and numbers of another family or another net.
  addHandles(family, k) {
    if (this.handlesOf === `${family} ${k}`) return;
    Object.assign(this, {handlesOf: `${family} ${k}`, chosen: 0});
    const names = this.places.map((_, n) => pointName(family, k, n));
    for (const {knob} of this.handles) knob.remove();
    this.handles = names.map((words, n) =>
      handle(this.sourceCanvas, `point: ${words}`, (x, y) => this.movePoint(n, this.view.toSource(x, y))));
    this.handles.forEach(({knob}, n) => knob.addEventListener("focus", () => this.choose(n)));
    this.pointSelect.replaceChildren(...names.map(words => makeElement("option", {value: words}, words)));
    this.familySelect.value = family;
    this.netSelect.parentElement.hidden = family !== "tps";
    this.netSelect.value = NET_TITLES[k - 2];
    this.formula.replaceChildren();
    const write = theta => { this.save({theta: theta.map(Math.fround)}); this.tell(""); this.redraw(); };
    this.followTheta = family === "tps" ? null
      : thetaFields(this.formula, family === "affine" ? 2 : 3, this.model, write, this.tell);
  }

  drawTarget(theta) {
    const {model, source, targetCanvas} = this, wanted = model.get("target_size");
    const [height, width] = wanted.length ? wanted : [source.height, source.width], size = `${height} ${width}`;
    if (this.targets?.size !== size) this.targets = Object.assign(meshgrid(height, width), {size});
    paint(targetCanvas, {pixels: sample(source, sourcePoints(theta, this.targets), height, width), height, width});
    targetCanvas.style.width = `${280 * width / Math.max(height, width)}px`;
    targetCanvas.setAttribute("aria-label", `target: ${height} by ${width} pixels`);
  }

  drawLines(g, theta) {
    const looks = sourcePoints(theta, NET_TARGETS), width = PIECES + 1;
    const lines = NET_LINES.map((_, line) => Array.from({length: width}, (_, piece) => {
      const n = 2 * (line * width + piece);
      return this.view.toCanvas(looks[n], looks[n + 1]);
    }));
    for (const line of lines) drawLine(g, line, "white", 3);
    lines.forEach((line, n) => { if (!BORDER_LINES.includes(n)) drawLine(g, line, BLUE, 1.5); });
    for (const n of BORDER_LINES) drawLine(g, lines[n], ORANGE, 3);
  }

  drawPoints(family, k) {
    const {places, chosen} = this;
    this.handles.forEach(({knob, place}, n) => {
      place(...this.view.toCanvas(...places[n]), inBrackets(...places[n]));
      knob.classList.toggle("stn-chosen", n === chosen);
      knob.tabIndex = n === chosen ? 0 : -1; // one stop for the tab key; the list of points has them all
    });
    this.pointSelect.selectedIndex = chosen;
    this.pointSliders.forEach((each, axis) => each.set(places[chosen][axis]));
    const [x, y] = places[chosen], [xt, yt] = controlPoints(family, k)[chosen];
    return `${pointName(family, k, chosen)}: at ${inBrackets(xt, yt)} in the target, looks at ${inBrackets(x, y)}, `
      + `displaced by ${inBrackets(x - xt, y - yt)}`;
  }

  draw() {
    const {model, source} = this, theta = readTheta(model), {family, k} = this;
    if (!placesGiveTheta(this.places, theta)) this.places = placesOf(theta); // it was typed, or set by Python
    this.addHandles(family, k);
    this.drawTarget(theta);
    this.drawLines(this.view.clear(), theta);
    const moved = this.drawPoints(family, k);
    const lines = [moved, ...explain(theta, this.targets)].map(line => makeElement("div", {}, line));
    this.explanation.replaceChildren(...lines);
    this.followTheta?.(theta);
    this.sourceCanvas.setAttribute("aria-label", `source: ${source.height} by ${source.width} pixels, `
      + `with the lines of the sampling grid, ${FAMILY_TITLES[family]}`);
  }
}

function render({model, el}) {
  const view = new FamilyView(model, setUpRoot(el));
  const stopListening = listenTo(model, {"change:theta change:k change:target_size": view.redraw});
  return () => { view.redraw.cancel(); stopListening(); };
}

export default {render};
