// Draws the source with the region that is read, the target beside it, and θ in numbers. It draws
// once per frame at most, from the model's numbers; the sliders are linked to these in the browser.

const ORANGE = "#E69F00";

function picture(model, name) { // bytes (H, W, 3) from Python as RGBA
  const view = model.get(name);
  const rgb = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const [height, width] = model.get(`${name}_size`);
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
    pixels[j] = rgb[i]; pixels[j + 1] = rgb[i + 1]; pixels[j + 2] = rgb[i + 2];
  }
  return {pixels, height, width};
}

function panel(parent, title) { // a canvas under a title
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  figure.append(caption, canvas);
  parent.append(figure);
  return canvas;
}

function paint(canvas, pixels, height, width) {
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
}

// Mix of the warped picture (orange) and the wanted one (blue), and their mean squared difference.
function compare(warped, wanted) {
  const mix = new Uint8ClampedArray(warped.length).fill(255);
  let sum = 0;
  for (let i = 0; i < warped.length; i += 4) {
    const a = warped[i] / 255, b = wanted[i] / 255;
    sum += (a - b) ** 2;
    mix[i] = 230 * a; mix[i + 1] = 159 * a + 114 * b * (1 - a / 2); mix[i + 2] = 178 * b;
  }
  return [mix, sum / (warped.length / 4)];
}

function render({model, el}) {
  el.classList.add("stn-live");
  const pictures = document.createElement("div");
  pictures.className = "stn-pictures";
  const sourceCanvas = panel(pictures, "source: where it looks");
  const targetCanvas = panel(pictures, "target: what it gets");
  const mixCanvas = model.get("wanted_size")[0] ? panel(pictures, "target orange, wanted blue") : null;
  const numbers = document.createElement("pre");
  numbers.setAttribute("aria-label", "the six numbers of θ");
  el.append(pictures, numbers);

  let source = picture(model, "source"), wanted = mixCanvas && picture(model, "wanted");
  const zoom = 280 / Math.max(source.width, source.height);
  const margin = 0.2; // room around the source, where samples may land too

  function drawSource(theta, height, width) {
    const W = Math.round(source.width * zoom), H = Math.round(source.height * zoom);
    const m = Math.round(margin * Math.max(W, H));
    if (!sourceCanvas.bitmap) {
      sourceCanvas.bitmap = document.createElement("canvas");
      paint(sourceCanvas.bitmap, source.pixels, source.height, source.width);
      sourceCanvas.width = W + 2 * m; sourceCanvas.height = H + 2 * m;
    }
    const g = sourceCanvas.getContext("2d");
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, W + 2 * m, H + 2 * m);
    g.imageSmoothingEnabled = false;
    g.drawImage(sourceCanvas.bitmap, m, m, W, H);
    const at = (x, y) => lookUp(theta, x, y, source).map(p => m + (p + 0.5) * zoom);
    g.strokeStyle = g.fillStyle = ORANGE;
    g.lineWidth = 3;
    g.beginPath();
    for (const [x, y] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) g.lineTo(...at(x, y));
    g.closePath();
    g.stroke();
    const [cx, cy] = at(-1, -1);
    g.beginPath(); g.arc(cx, cy, 7, 0, 7); g.fill();
    if (!model.get("points")) return;
    g.strokeStyle = "white"; g.lineWidth = 1;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [x, y] = at(centre(column, width), centre(row, height));
        g.beginPath(); g.arc(x, y, 4, 0, 7); g.fill(); g.stroke();
      }
    }
  }

  function draw() {
    const theta = affineTheta({rotation: model.get("rotation"), scale: model.get("scale"),
      shear: model.get("shear"), x: model.get("x"), y: model.get("y")}, source.height, source.width);
    const [height, width] = model.get("target_size");
    const target = warp(source, theta, height, width, model.get("kernel"), model.get("padding"));
    paint(targetCanvas, target, height, width);
    drawSource(theta, height, width);
    const show = t => t.toFixed(2).replace("-0.00", "0.00").padStart(6);
    let text = `θ = [ ${theta.slice(0, 3).map(show).join("  ")} ]\n    [ ${theta.slice(3).map(show).join("  ")} ]`;
    if (mixCanvas) {
      const [mix, loss] = compare(target, wanted.pixels);
      paint(mixCanvas, mix, height, width);
      text += `\nmean squared difference: ${loss.toFixed(4)}`;
    }
    numbers.textContent = text;
    for (const [canvas, what] of [[sourceCanvas, "source with the region that is read"],
                                  [targetCanvas, "warped picture"], [mixCanvas, "comparison"]]) {
      canvas?.setAttribute("aria-label", `${model.get("alt")}: ${what}`);
    }
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }
  function replace() {
    source = picture(model, "source");
    sourceCanvas.bitmap = null;
    redraw();
  }
  const follow = "rotation scale shear x y kernel padding points target_size".split(" ").map(n => `change:${n}`).join(" ");
  model.on(follow, redraw);
  model.on("change:source", replace);
  const longest = Math.max(...model.get("target_size"));
  targetCanvas.style.width = `${280 * model.get("target_size")[1] / longest}px`;
  if (mixCanvas) mixCanvas.style.width = targetCanvas.style.width;
  draw();
  return () => { model.off(follow, redraw); model.off("change:source", replace); };
}

export default {render};
