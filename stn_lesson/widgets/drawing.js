// What all live pictures draw with: canvases under a title, pictures from Python's bytes, the
// quadrilateral that θ reads, and a redraw that happens once per frame at most.

const BLUE = "#0072B2", ORANGE = "#E69F00", GREEN = "#009E73", PURPLE = "#CC79A7", SKY = "#56B4E9";
const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
const CORNER_NAMES = ["top left", "top right", "bottom right", "bottom left"];

// makeElement("p", {className: "a", role: "status"}, "text", child): attributes with a hyphen, role and
// the like are set as attributes, all else as properties.
function makeElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A canvas under a title; `words` says what it shows to readers who cannot see it.
function panel(parent, title, words = title) {
  const canvas = makeElement("canvas", {role: "img", "aria-label": words});
  const stage = makeElement("div", {className: "stn-stage"}, canvas);
  parent.append(makeElement("figure", {}, makeElement("figcaption", {}, title), stage));
  return canvas;
}

// Bytes from Python, and float32 numbers, wherever in a message they begin.
const bytesOf = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const floatsOf = view => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

// A picture from Python: rows of red, green and blue bytes, and its size.
function pictureFromRgb({bytes, size: [height, width]}) {
  const rgb = bytesOf(bytes);
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
    pixels[j] = rgb[i]; pixels[j + 1] = rgb[i + 1]; pixels[j + 2] = rgb[i + 2];
  }
  return {pixels, height, width};
}

// A grey picture, from bytes or from floats 0 to 1.
function greyPicture(grey, height, width, white = 255) {
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0, j = 0; i < height * width; i++, j += 4) {
    pixels[j] = pixels[j + 1] = pixels[j + 2] = 255 * grey[i] / white;
  }
  return {pixels, height, width};
}

// A canvas filled with a picture, pixel for pixel.
function paint(canvas, {pixels, height, width}) {
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return canvas;
}

const bitmap = picture => paint(document.createElement("canvas"), picture);

// A line through points in canvas pixels.
function drawLine(g, points, colour, width = 3, closed = false) {
  g.strokeStyle = colour; g.lineWidth = width;
  g.beginPath();
  for (const point of points) g.lineTo(...point);
  if (closed) g.closePath();
  g.stroke();
}

function drawDot(g, [x, y], radius, colour, edge) {
  g.beginPath(); g.arc(x, y, radius, 0, 7);
  g.fillStyle = colour; g.fill();
  if (edge) { g.strokeStyle = edge; g.lineWidth = 1; g.stroke(); }
}

function drawArrow(g, [x, y], [tipX, tipY], colour, width = 2) {
  const angle = Math.atan2(tipY - y, tipX - x), length = Math.hypot(tipX - x, tipY - y);
  const reach = Math.min(4 * width, length / 2);
  const barb = side => [tipX - reach * Math.cos(angle + side), tipY - reach * Math.sin(angle + side)];
  drawLine(g, [[x, y], [tipX, tipY]], colour, width);
  drawLine(g, [barb(-0.5), [tipX, tipY], barb(0.5)], colour, width);
}

// The quadrilateral that θ reads, its first corner with a dot. `toCanvas` takes points of the source,
// −1 to 1, to the canvas. Returns where the corners are there.
function drawRegion(g, theta, toCanvas, colour = ORANGE) {
  const points = CORNERS.map(([x, y]) => toCanvas(...applyTheta(theta, x, y)));
  drawLine(g, points, colour, 3, true);
  drawDot(g, points[0], 6, colour);
  return points;
}

// A source picture enlarged, with room around it where samples may land too.
class SourceView {
  constructor(canvas, {side = 280, margin = 0.2} = {}) { Object.assign(this, {canvas, side, margin}); }

  show(source) {
    this.source = source;
    this.bitmap = bitmap(source);
    this.zoom = this.side / Math.max(source.width, source.height);
    this.width = Math.round(source.width * this.zoom);
    this.height = Math.round(source.height * this.zoom);
    this.border = Math.round(this.margin * Math.max(this.width, this.height));
    this.canvas.width = this.width + 2 * this.border;
    this.canvas.height = this.height + 2 * this.border;
  }

  // Pixels of the source to pixels of the canvas, and back.
  pixelToCanvas = (x, y) => [this.border + (x + 0.5) * this.zoom, this.border + (y + 0.5) * this.zoom];
  canvasToPixel = (x, y) => [(x - this.border) / this.zoom - 0.5, (y - this.border) / this.zoom - 0.5];

  // The same for the source's own coordinates, −1 to 1.
  toCanvas = (x, y) => this.pixelToCanvas(...toPixels(x, y, this.source));
  toSource = (x, y) => {
    const [column, line] = this.canvasToPixel(x, y), {height, width} = this.source;
    return [2 * column / Math.max(width - 1, 1) - 1, 2 * line / Math.max(height - 1, 1) - 1];
  };

  clear() {
    const g = this.canvas.getContext("2d");
    g.fillStyle = "#b8b8b8";
    g.fillRect(0, 0, this.canvas.width, this.canvas.height);
    g.imageSmoothingEnabled = false;
    g.drawImage(this.bitmap, this.border, this.border, this.width, this.height);
    return g;
  }
}

// Calls `draw` once in the next frame, however often it is asked to.
function oncePerFrame(draw) {
  let waiting = 0;
  const ask = () => { waiting ||= requestAnimationFrame(() => { waiting = 0; draw(); }); };
  ask.cancel = () => { cancelAnimationFrame(waiting); waiting = 0; };
  return ask;
}

const fixed = (value, digits = 2) => {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
};

// A number as it stands in a product: in brackets if it is negative.
const bracketed = (value, digits = 2) => fixed(value, digits).replace(/^−.*/, "($&)");

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
