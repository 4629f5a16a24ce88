// A solid to be turned, by sliders or by dragging: what it looks like, what is left of it when it is
// flattened, and where in the volume the view lies.

const FINE = [32, 64, 64], DEGREES_PER_PIXEL = 0.6, MARGIN = 0.45;
const TURNS = [["tip", "about x: its top away"], ["turn", "about y: its right side away"], ["roll", "about z"]];

class SolidView {
  redraw = oncePerFrame(() => this.draw());

  constructor(model, el) {
    Object.assign(this, {model, save: saver(model)});
    const {bytes, size} = model.get("volume");
    this.volume = {values: Float32Array.from(bytesOf(bytes), byte => byte / 255), size};
    const pictures = makeElement("div", {className: "stn-pictures"});
    el.append(pictures);
    this.solidCanvas = this.addPanel(pictures, "the solid, as the view sees it: drag it", 200);
    this.flatCanvas = this.addPanel(pictures, "flattened: what is read", 200);
    this.cutCanvas = this.addPanel(pictures, "one layer of the view", 140);
    this.aboveCanvas = panel(pictures, "the volume from above, with the view");
    this.aboveCanvas.width = this.aboveCanvas.height = 200;
    this.above = bitmap(greyPicture(fromAbove(this.volume), size[0], size[2], 1));
    this.addControls(row(el));
    this.tell = messageLine(el);
    this.tell.later = debounced(this.tell);
    this.letDrag();
    this.draw();
  }

  addPanel(parent, title, side) {
    const canvas = panel(parent, title);
    canvas.classList.add("stn-pixels");
    canvas.style.width = `${side}px`;
    return canvas;
  }

  addControls(parent) {
    this.sliders = TURNS.map(([label, words], axis) => {
      const made = slider(parent, {label, min: -180, max: 180, step: 1, digits: 0, unit: "°"}, degrees => {
        const rotation = [...this.model.get("rotation")];
        rotation[axis] = degrees;
        this.write(rotation);
      });
      made.input.title = words;
      return made;
    });
    const [depth] = this.model.get("view");
    this.layer = slider(parent, {label: "layer", min: 1, max: depth, step: 1, digits: 0}, number => this.save({layer: number - 1}));
    const start = this.model.get("rotation");
    button(parent, "straight on", () => this.write(this.model.get("straight")), "look at the digit straight on");
    button(parent, "as it came", () => this.write(start), "back to how the solid came");
  }

  write(rotation) { this.save({rotation: rotation.map(degrees => Math.fround(clamp(degrees, -180, 180)))}); }

  letDrag() { // to the right turns it, downwards tips its top towards who looks
    const canvas = this.solidCanvas;
    canvas.style.cursor = "grab"; canvas.style.touchAction = "none";
    let last = null;
    canvas.addEventListener("pointerdown", event => {
      if (event.button) return;
      last = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", event => {
      if (!last || !event.buttons) { last = null; return; }
      const [x, y, z] = this.model.get("rotation");
      const right = event.clientX - last[0], down = event.clientY - last[1];
      last = [event.clientX, event.clientY];
      this.write([x - DEGREES_PER_PIXEL * down, y + DEGREES_PER_PIXEL * right, z]);
    });
  }

  // The volume from above and the box that the view reads; the chosen layer is drawn thick.
  drawFromAbove(theta, layer) {
    const canvas = this.aboveCanvas, g = canvas.getContext("2d"), [depth, , width] = this.volume.size;
    const unit = canvas.width / 2 / (1 + 2 * MARGIN), middle = canvas.width / 2;
    const longest = Math.max(depth, width), place = (x, y, z) => {
      const looks = applyVolumeTheta(theta, x, y, z);
      return [middle + unit * looks[0] * width / longest, middle - unit * looks[2] * depth / longest];
    };
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, canvas.width, canvas.height);
    g.imageSmoothingEnabled = false;
    const w = 2 * unit * width / longest, h = 2 * unit * depth / longest;
    g.drawImage(this.above, middle - w / 2, middle - h / 2, w, h);
    const face = z => CORNERS.map(([x, y]) => place(x, y, z));
    drawLine(g, face(1), BLUE, 2, true);
    for (const [x, y] of CORNERS) drawLine(g, [place(x, y, -1), place(x, y, 1)], BLUE, 2);
    drawLine(g, face(-1), ORANGE, 2, true);
    drawLine(g, face(layer), ORANGE, 4, true);
    drawArrow(g, place(0, 0, -1), place(0, 0, 1), ORANGE, 3);
  }

  draw() {
    const {model, volume} = this, rotation = model.get("rotation"), view = model.get("view");
    const theta = volumeTheta(rotation, volume.size), layer = model.get("layer");
    const seen = warpVolume(volume, theta, view), [depth, height, width] = view;
    paint(this.solidCanvas, greyPicture(shade(warpVolume(volume, theta, FINE)), FINE[1], FINE[2], 1));
    const flat = flatten(seen).map(value => value * model.get("brightness"));
    paint(this.flatCanvas, greyPicture(flat, height, width, 1));
    paint(this.cutCanvas, greyPicture(layerOf(seen, layer), height, width, 1));
    this.drawFromAbove(theta, pixelCentre(layer, depth));
    this.sliders.forEach((made, axis) => made.set(rotation[axis]));
    this.layer.set(layer + 1);
    const tilt = tiltBetween(theta, model.get("pose"), volume.size), words = `tilt ${fixed(tilt, 0)}°`;
    this.solidCanvas.setAttribute("aria-label", `the solid, turned by ${rotation.map(d => fixed(d, 0)).join(", ")} degrees about x, y, z; ${words}`);
    this.aboveCanvas.setAttribute("aria-label", `the volume from above, with the box that the view reads; ${words}`);
    this.tell.later(`The line of sight and the digit's axis are ${fixed(tilt, 0)}° apart.`);
  }
}

// Degrees between the directions in which the depth of two θ runs: `tilt_between` of volume.py.
function tiltBetween(one, other, size) {
  const steps = voxelSteps(size), [a, b] = [one, other].map(theta => steps.map((step, i) => step * theta[4 * i + 2]));
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  return Math.atan2(Math.hypot(...cross), a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) * 180 / Math.PI;
}

function render({model, el}) {
  const view = new SolidView(model, setUpRoot(el));
  const stopListening = listenTo(model, {"change:rotation change:layer": view.redraw});
  return () => { view.redraw.cancel(); view.tell.later.cancel(); stopListening(); };
}

export default {render};
