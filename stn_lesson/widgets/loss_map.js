// A map of the loss: worked out in slices, so that no frame waits for it, and drawn with the way of
// the descent and a point to be dragged.

const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
                 [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]]; // dark is low
const SIDE = 224, CELLS = 27; // of the map: canvas pixels, and places at which the loss is worked out
const SLICE = 8, BESIDE = 2; // ms that the map may take of a frame of its own, and beside other pictures
const SAMPLES = 28; // of a large picture, the map looks at so many rows and columns only

// CELLS × CELLS numbers, worked out in slices so that no frame waits for them. A map that was begun
// is finished, so that something is seen during a long drag; then comes the newest that was asked for.
class SlowMap {
  values = new Float32Array(CELLS * CELLS); done = CELLS * CELLS; newest = null; key = "";

  ask(key, at) { // at(x, y): the number at a place, 0 to 1 from left to right and top to bottom
    if (key !== this.key) { this.key = key; this.newest = at; }
  }

  get idle() { return this.done === this.values.length && !this.newest; }

  work(milliseconds) { // true when a map has just been finished
    const end = performance.now() + milliseconds, {values} = this;
    if (this.done === values.length) { this.at = this.newest; this.newest = null; this.done = 0; }
    while (this.done < values.length && performance.now() < end) {
      const row = Math.floor(this.done / CELLS), column = this.done % CELLS;
      values[this.done++] = this.at(column / (CELLS - 1), row / (CELLS - 1));
    }
    return this.done === values.length;
  }

  // In ten colours, so that their borders are contour lines; enlarged by the sampler itself.
  picture() {
    const low = Math.min(...this.values), high = Math.max(...this.values), steps = CIVIDIS.length;
    const target = new Float32Array(SIDE * SIDE), pixels = new Uint8ClampedArray(4 * SIDE * SIDE).fill(255);
    const empty = {grey: target, height: SIDE, width: SIDE};
    assess({grey: this.values, height: CELLS, width: CELLS}, empty, [1, 0, 0, 0, 1, 0], {target});
    for (let i = 0; i < target.length; i++) {
      const colour = CIVIDIS[clamp(Math.floor((target[i] - low) / (high - low || 1) * steps), 0, steps - 1)];
      for (let k = 0; k < 3; k++) pixels[4 * i + k] = colour[k];
    }
    return {low, high, picture: {pixels, height: SIDE, width: SIDE}};
  }
}

// The map of the loss: two numbers of the picture's movement vary, the others are held. `numbers` are
// those of the sliders; a point dragged on it goes to `write`. Returns {ask, draw, turn, cancel}.
function lossMap(parent, model, size, numbers, write) {
  const canvas = panel(parent, "map of the loss: drag the point"), map = new SlowMap();
  canvas.width = canvas.height = SIDE;
  const figure = canvas.closest("figure"), legend = make("div", {className: "stn-row"});
  const ramp = make("span", {className: "stn-bar stn-ramp"});
  ramp.style.width = "56px";
  ramp.style.background = `linear-gradient(90deg, ${CIVIDIS.map(colour => `rgb(${colour})`)})`;
  const every = Math.ceil(Math.max(...size) / SAMPLES);
  let finished = null, fresh = false, path = [];

  const upwards = (name, i) => i === 1 && name !== "y"; // more is up; but y points down, as on the screen
  const toMap = moves => model.get("map_over").map((name, i) => {
    const {min, max} = THETA_SLIDERS[name], part = (moves[name] - min) / (max - min);
    return SIDE * (upwards(name, i) ? 1 - part : part);
  });
  const fromMap = places => Object.fromEntries(model.get("map_over").map((name, i) => {
    const {min, max} = THETA_SLIDERS[name], part = clamp(places[i] / SIDE, 0, 1);
    return [name, min + (upwards(name, i) ? 1 - part : part) * (max - min)];
  }));
  const inWords = (name, value) => fixed(value, THETA_SLIDERS[name].digits) + (THETA_SLIDERS[name].unit ?? "");
  const point = handle(canvas, "present place on the map", (x, y) => {
    Object.assign(numbers, fromMap([x, y]));
    write(affineTheta(numbers, ...size));
  });

  const labels = Object.values(THETA_SLIDERS).map(({label}) => label), names = Object.keys(THETA_SLIDERS);
  const axes = ["↔", "↕"].map((sign, i) => {
    const ends = make("span"), line = row(figure);
    const select = choice(line, sign, labels, label => {
      const over = [...model.get("map_over")], chosen = names[labels.indexOf(label)];
      if (over[1 - i] === chosen) over[1 - i] = over[i]; // the same twice: they change places
      over[i] = chosen;
      saver(model)({map_over: over});
    });
    select.setAttribute("aria-label", i ? "map, upright" : "map, left to right");
    line.append(ends);
    return {select, ends};
  });
  figure.append(legend);

  function turn() {
    model.get("map_over").forEach((name, i) => {
      const {label, min, max} = THETA_SLIDERS[name], {select, ends} = axes[i];
      select.value = label;
      ends.textContent = `${inWords(name, min)} … ${inWords(name, max)}`;
    });
  }

  // To be worked out for these pictures, as far as it is another map than the last.
  function ask(source, wanted) {
    const over = model.get("map_over"), held = {...numbers};
    const key = names.map(name => over.includes(name) ? name : held[name]);
    map.ask(JSON.stringify([key, over, held.flip, model.get("blur")]), (x, y) =>
      assess(source, wanted, affineTheta({...held, ...fromMap([SIDE * x, SIDE * y])}, ...size), {every}).loss);
  }

  function show() { // the map that has just been finished
    fresh = false;
    const {low, high, picture} = map.picture(), over = axes.map(({select}) => select.value).join(" and ");
    finished = bitmap(picture);
    canvas.setAttribute("aria-label", `map of the loss over ${over}, from ${fixed(low, 3)} to ${fixed(high, 3)}`);
    legend.replaceChildren(`low ${fixed(low, 3)}`, ramp, `${fixed(high, 3)} high`);
  }

  // Shows the map as far as it is known, works on it, and comes back until it is finished.
  function work(milliseconds) {
    if (fresh) show(); else if (!map.idle) fresh = map.work(milliseconds); // colouring is a slice too
    const g = canvas.getContext("2d");
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, SIDE, SIDE);
    if (finished) g.drawImage(finished, 0, 0);
    const points = path.map(theta => takeApart(theta, ...size)).filter(Boolean).map(toMap);
    if (points.length > 1) {
      trace(g, points, "black", 4);
      trace(g, points, "white", 2);
      dot(g, points[0], 4, "white", "black");
    }
    point.place(...toMap(numbers), model.get("map_over").map(name => inWords(name, numbers[name])).join(", "));
    if (fresh || !map.idle) again();
  }
  const again = oncePerFrame(() => work(SLICE));

  // Beside the other pictures; `way` is that of the descent, a list of θ.
  function draw(way) {
    again.cancel();
    path = way;
    work(BESIDE);
  }
  return {ask, draw, turn, cancel: again.cancel};
}
