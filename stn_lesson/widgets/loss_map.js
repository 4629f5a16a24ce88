// A map of the loss: worked out in slices, so that no frame waits for it, and drawn with the way of
// the descent and a point to be dragged.

const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
                 [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]]; // dark is low
const MAP_SIDE = 224, MAP_CELLS = 27; // canvas pixels, and places at which the loss is worked out
const OWN_FRAME_MS = 8, SHARED_FRAME_MS = 2; // that the map may take of a frame, alone and beside other pictures
const MAX_SAMPLED_ROWS = 28; // of a large picture, the map looks at so many rows and columns only

// MAP_CELLS × MAP_CELLS numbers, worked out in slices so that no frame waits for them. A map that was begun
// is finished, so that something is seen during a long drag; then comes the newest that was asked for.
class SlowMap {
  values = new Float32Array(MAP_CELLS * MAP_CELLS); done = MAP_CELLS * MAP_CELLS; newest = null; key = "";

  ask(key, valueAt) { // valueAt(x, y): the number at a place, 0 to 1 from left to right and top to bottom
    if (key !== this.key) { this.key = key; this.newest = valueAt; }
  }

  get idle() { return this.done === this.values.length && !this.newest; }

  work(milliseconds) { // true when a map has just been finished
    const end = performance.now() + milliseconds, {values} = this;
    if (this.done === values.length) { this.valueAt = this.newest; this.newest = null; this.done = 0; }
    while (this.done < values.length && performance.now() < end) {
      const row = Math.floor(this.done / MAP_CELLS), column = this.done % MAP_CELLS;
      values[this.done++] = this.valueAt(column / (MAP_CELLS - 1), row / (MAP_CELLS - 1));
    }
    return this.done === values.length;
  }

  // In ten colours, so that their borders are contour lines; enlarged by the sampler itself.
  picture() {
    const low = Math.min(...this.values), high = Math.max(...this.values), steps = CIVIDIS.length;
    const target = new Float32Array(MAP_SIDE * MAP_SIDE);
    const pixels = new Uint8ClampedArray(4 * target.length).fill(255);
    const empty = {grey: target, height: MAP_SIDE, width: MAP_SIDE};
    assess({grey: this.values, height: MAP_CELLS, width: MAP_CELLS}, empty, [1, 0, 0, 0, 1, 0], {target});
    for (let i = 0; i < target.length; i++) {
      const colour = CIVIDIS[clamp(Math.floor((target[i] - low) / (high - low || 1) * steps), 0, steps - 1)];
      for (let k = 0; k < 3; k++) pixels[4 * i + k] = colour[k];
    }
    return {low, high, picture: {pixels, height: MAP_SIDE, width: MAP_SIDE}};
  }
}

// The map of the loss: two numbers of the picture's movement vary, the others are held. `numbers` are
// those of the sliders; a point dragged on it goes to `write`.
class LossMap {
  slow = new SlowMap(); finished = null; fresh = false; path = [];
  redraw = oncePerFrame(() => this.work(OWN_FRAME_MS));

  constructor(parent, model, size, numbers, write) {
    Object.assign(this, {model, size, numbers, every: Math.ceil(Math.max(...size) / MAX_SAMPLED_ROWS)});
    this.canvas = panel(parent, "map of the loss: drag the point");
    this.canvas.width = this.canvas.height = MAP_SIDE;
    this.point = handle(this.canvas, "present place on the map", (x, y) => {
      Object.assign(numbers, this.numbersAt([x, y]));
      write(affineTheta(numbers, ...size));
    });
    const figure = this.canvas.closest("figure");
    this.axes = [0, 1].map(axis => this.addAxis(row(figure), axis));
    this.legend = row(figure);
    this.ramp = makeElement("span", {className: "stn-bar stn-ramp"});
    this.ramp.style.width = "56px";
    this.ramp.style.background = `linear-gradient(90deg, ${CIVIDIS.map(colour => `rgb(${colour})`)})`;
  }

  // The choice of what varies along an axis, and the ends of its range.
  addAxis(parent, axis) {
    const names = Object.keys(THETA_SLIDERS), labels = names.map(name => THETA_SLIDERS[name].label);
    const select = choice(parent, axis ? "↕" : "↔", labels, label => {
      const over = [...this.model.get("map_over")], chosen = names[labels.indexOf(label)];
      if (over[1 - axis] === chosen) over[1 - axis] = over[axis]; // the same twice: they change places
      over[axis] = chosen;
      saver(this.model)({map_over: over});
    });
    select.setAttribute("aria-label", axis ? "map, upright" : "map, left to right");
    const ends = makeElement("span");
    parent.append(ends);
    return {select, ends};
  }

  turn() {
    this.model.get("map_over").forEach((name, axis) => {
      const {label, min, max} = THETA_SLIDERS[name], {select, ends} = this.axes[axis];
      select.value = label;
      ends.textContent = `${inUnits(name, min)} … ${inUnits(name, max)}`;
    });
  }

  // Where a movement stands on the map, in canvas pixels; and which numbers a place stands for.
  placeOf(moves) {
    return this.model.get("map_over").map((name, axis) => {
      const {min, max} = THETA_SLIDERS[name], part = (moves[name] - min) / (max - min);
      return MAP_SIDE * (growsUpwards(name, axis) ? 1 - part : part);
    });
  }
  numbersAt(place) {
    return Object.fromEntries(this.model.get("map_over").map((name, axis) => {
      const {min, max} = THETA_SLIDERS[name], part = clamp(place[axis] / MAP_SIDE, 0, 1);
      return [name, min + (growsUpwards(name, axis) ? 1 - part : part) * (max - min)];
    }));
  }

  // To be worked out for these pictures, as far as it is another map than the last.
  ask(source, wanted) {
    const {model, size, every} = this, over = model.get("map_over"), held = {...this.numbers};
    const key = Object.keys(THETA_SLIDERS).map(name => over.includes(name) ? name : held[name]);
    this.slow.ask(JSON.stringify([key, over, held.flip, model.get("blur")]), (x, y) => {
      const moves = {...held, ...this.numbersAt([MAP_SIDE * x, MAP_SIDE * y])};
      return assess(source, wanted, affineTheta(moves, ...size), {every}).loss;
    });
  }

  show() { // the map that has just been finished
    this.fresh = false;
    const {low, high, picture} = this.slow.picture(), over = this.axes.map(({select}) => select.value).join(" and ");
    this.finished = bitmap(picture);
    this.canvas.setAttribute("aria-label", `map of the loss over ${over}, from ${fixed(low, 3)} to ${fixed(high, 3)}`);
    this.legend.replaceChildren(`low ${fixed(low, 3)}`, this.ramp, `${fixed(high, 3)} high`);
  }

  drawPath(g) {
    const moves = this.path.map(theta => decompose(theta, ...this.size)).filter(Boolean);
    if (moves.length < 2) return;
    const points = moves.map(each => this.placeOf(each));
    drawLine(g, points, "black", 4);
    drawLine(g, points, "white", 2);
    drawDot(g, points[0], 4, "white", "black");
  }

  // Shows the map as far as it is known, works on it, and comes back until it is finished.
  work(milliseconds) {
    const {slow, canvas, numbers} = this;
    if (this.fresh) this.show(); else if (!slow.idle) this.fresh = slow.work(milliseconds); // colouring is a slice too
    const g = canvas.getContext("2d");
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, MAP_SIDE, MAP_SIDE);
    if (this.finished) g.drawImage(this.finished, 0, 0);
    this.drawPath(g);
    const words = this.model.get("map_over").map(name => inUnits(name, numbers[name])).join(", ");
    this.point.place(...this.placeOf(numbers), words);
    const busy = this.fresh || !slow.idle;
    canvas.setAttribute("aria-busy", busy);
    if (busy) this.redraw();
  }

  // Beside the other pictures; `path` is that of the descent, a list of θ.
  draw(path) {
    this.redraw.cancel();
    this.path = path;
    this.work(SHARED_FRAME_MS);
  }

  cancel() { this.redraw.cancel(); }
}

const growsUpwards = (name, axis) => axis === 1 && name !== "y"; // but y points down, as on the screen
const inUnits = (name, value) => fixed(value, THETA_SLIDERS[name].digits) + (THETA_SLIDERS[name].unit ?? "");
