// One pixel of the target at a time: its coordinates, θ times them written out in numbers, and the
// place in the source where it finds its value.

const STAYS = [1, 0, 0, 0, 1, 0]; // the θ with which every pixel looks at its own place

// A row of θ times the column (xₜ, yₜ, 1), written out.
const product = (name, [a, b, c], [x, y], result) => `${name} = ${factor(a, 3)}·${factor(x, 3)} + `
  + `${factor(b, 3)}·${factor(y, 3)} + ${factor(c, 3)}·1 = ${fixed(result, 3)}`;

const isGrey = ({pixels}) => pixels.every((value, i) => i % 4 === 3 || value === pixels[i - i % 4]);

// The colour found, as a patch and in numbers from 0 to 1.
function colour([red, green, blue], grey) {
  const names = grey ? [""] : ["red ", "green ", "blue "];
  const numbers = names.map((name, i) => name + fixed([red, green, blue][i] / 255)).join(", ");
  const patch = make("span", {className: "stn-swatch"});
  patch.style.background = `rgb(${red}, ${green}, ${blue})`;
  return [patch, ` ${numbers}`];
}

const RADIUS = 9; // of the rings around the pixel and around the place at which it looks

// A ring with a white edge, so that it shows on every picture.
function ring(g, [x, y]) {
  for (const [shade, thickness] of [["white", 6], [PURPLE, 3]]) {
    g.beginPath(); g.arc(x, y, RADIUS, 0, 7);
    g.strokeStyle = shade; g.lineWidth = thickness; g.stroke();
  }
}

// The same with an arrow that ends there, if it is long enough to leave the ring.
function arrowToRing(g, [x, y], [toX, toY]) {
  const part = 1 - RADIUS / Math.hypot(toX - x, toY - y);
  if (part > 0) {
    const end = [x + part * (toX - x), y + part * (toY - y)];
    trace(g, [[x, y], end], "white", 6);
    arrow(g, [x, y], end, PURPLE, 3);
  }
  ring(g, [toX, toY]);
}

function render({model, el}) {
  frame(el);
  const pictures = make("div", {className: "stn-pictures"}), numbers = make("div", {className: "stn-numbers"});
  el.append(pictures, numbers);
  const sourceCanvas = panel(pictures, "source: where the pixels of the target look");
  const targetCanvas = panel(pictures, "target: point at a pixel, click to keep it");
  const view = new SourceView(sourceCanvas, {side: 270});
  const target = new SourceView(targetCanvas, {side: 290, margin: 0.06});
  const source = picture(model.get("source").bytes, model.get("source").size), grey = isGrey(source);
  const start = readTheta(model), save = saver(model);
  const mostDots = model.get("most_dots"); // on a side of the grid; more of them would hide the picture
  let pointed = null; // the pixel under the mouse, which goes before the one that is kept

  const write = theta => { writeTheta(model, theta); tell(""); redraw(); };
  const names = ["rotation", "scale", "shear", "x", "y"];
  const sliders = thetaSliders(el, names, () => [source.height, source.width], write);
  const sides = row(el);
  const [rows, columns] = ["rows", "columns"].map((label, axis) =>
    slider(sides, {label, min: 1, max: mostDots, step: 1, digits: 0}, side => {
      const size = model.get("size").map((old, k) => k === axis ? side : old);
      save({size, pixel: inside(model.get("pixel"), size)});
    }));
  button(sides, "reset", () => write(start), "reset θ to the start");
  const tell = messages(el);

  const inside = (pixel, size) => pixel.map((n, axis) => clamp(n, 0, size[axis] - 1));
  const pixelAt = (x, y) => { // from canvas pixels to [row, column]
    const [column, line] = target.from(x, y);
    return inside([Math.round(line), Math.round(column)], model.get("size"));
  };
  function keep(pixel) {
    save({pixel});
    redraw();
  }
  const knob = handle(targetCanvas, "pixel of the target", (x, y) => { pointed = null; keep(pixelAt(x, y)); },
    () => target.zoom);
  knob.knob.classList.add("stn-ring");
  const under = event => { // the pixel under the mouse
    const box = targetCanvas.getBoundingClientRect(), scale = box.width / targetCanvas.width || 1;
    return pixelAt((event.clientX - box.x) / scale, (event.clientY - box.y) / scale);
  };
  const stage = targetCanvas.parentElement;
  stage.addEventListener("pointermove", event => { pointed = under(event); redraw(); });
  stage.addEventListener("pointerleave", () => { pointed = null; redraw(); });
  stage.addEventListener("click", event => { if (event.detail) keep(under(event)); }); // detail 0: by key

  function draw() {
    const theta = readTheta(model), [height, width] = model.get("size");
    const [line, column] = inside(pointed ?? model.get("pixel"), [height, width]);
    const pixels = warp(source, theta, height, width);
    target.show({pixels, height, width});
    const g = view.clear(), h = target.clear();
    const looks = (n, m) => lookUp(theta, centre(m, width), centre(n, height), source);
    outline(g, theta, source, view.at);
    if (Math.max(height, width) <= mostDots) {
      const radius = clamp(target.zoom / 7, 2, 4);
      for (let n = 0; n < height; n++) {
        for (let m = 0; m < width; m++) {
          dot(g, view.at(...looks(n, m)), radius, BLUE, "white");
          dot(h, target.at(m, n), radius, BLUE, "white");
        }
      }
    }
    // From the place that the pixel has itself to the place at which θ makes it look.
    const x = centre(column, width), y = centre(line, height), [xs, ys] = apply(theta, x, y);
    const from = view.at(...lookUp(STAYS, x, y, source)), to = view.at(...looks(line, column));
    arrowToRing(g, from, to);
    ring(h, target.at(column, line));
    const [keptLine, keptColumn] = model.get("pixel");
    knob.place(...target.at(keptColumn, keptLine), `row ${keptLine}, column ${keptColumn}`);
    explain(theta, [line, column], [x, y], [xs, ys], pixels.subarray(4 * (line * width + column)));
    followOrTell(sliders, theta, tell);
    rows.set(height);
    columns.set(width);
  }
  const redraw = oncePerFrame(draw);

  // Equation (1) for one pixel, in numbers.
  function explain(theta, [line, column], [x, y], [xs, ys], rgb) {
    const [height, width] = model.get("size");
    const [m, n] = lookUp(STAYS, xs, ys, source);
    const out = Math.max(Math.abs(xs), Math.abs(ys)) > 1 + 1e-5;
    const place = `column ${fixed(m)}, row ${fixed(n)}: ${out ? "outside" : "inside"} the source`;
    const own = `(xₜ, yₜ, 1) = (${fixed(x, 3)}, ${fixed(y, 3)}, 1)`;
    const lines = [
      [`row ${line}, column ${column} of the target: ${own}, which is column ${line * width + column} of G`],
      [product("xₛ", theta.slice(0, 3), [x, y], xs)],
      [product("yₛ", theta.slice(3), [x, y], ys)],
      [`in pixels: ${place}`],
      ["found there: ", ...colour(rgb, grey)],
    ];
    numbers.replaceChildren(...lines.map(parts => make("div", {}, ...parts)));
    sourceCanvas.setAttribute("aria-label",
      `source, ${source.height} by ${source.width} pixels, with the region that is read; an arrow ends at ${place}`);
    targetCanvas.setAttribute("aria-label",
      `target, ${height} by ${width} pixels; the one in row ${line}, column ${column} is ringed`);
  }

  view.show(source);
  draw();
  const follow = "change:theta change:size change:pixel";
  model.on(follow, redraw);
  return () => {
    redraw.cancel();
    model.off(follow, redraw);
  };
}

export default {render};
