// The sampler of notebook 03, for the browser: every target pixel asks θ where to look in the
// source, and mixes the four pixels it finds there. −1 and 1 are the centres of the corner pixels.

// θ = [a, b, t_x, c, d, t_y] of a rotation (degrees, counter-clockwise), scale, shear (degrees) and
// translation (half images) on the screen: the inverse of what the picture does. As in theta.py.
function affineTheta({rotation, scale, shear, x, y}, height, width) {
  const cos = Math.cos(rotation * Math.PI / 180), sin = Math.sin(rotation * Math.PI / 180);
  const lean = -Math.tan(shear * Math.PI / 180);
  const aspect = Math.max(height - 1, 1) / Math.max(width - 1, 1);
  const a = cos * scale, b = (cos * lean + sin) * scale * aspect;
  const c = -sin * scale / aspect, d = (cos - sin * lean) * scale;
  const det = a * d - b * c;
  return [d / det, -b / det, (b * y - d * x) / det, -c / det, a / det, (c * x - a * y) / det];
}

// Where in the source, in pixels, a target point (x, y) from −1 to 1 looks: equation (1).
function lookUp(theta, x, y, source) {
  const xs = theta[0] * x + theta[1] * y + theta[2], ys = theta[3] * x + theta[4] * y + theta[5];
  return [(xs + 1) * (source.width - 1) / 2, (ys + 1) * (source.height - 1) / 2];
}

// The coordinate of pixel i among n, from −1 to 1; one pixel alone sits at 0.
const centre = (i, n) => n > 1 ? 2 * i / (n - 1) - 1 : 0;

// source: {pixels, height, width}, RGBA bytes. Returns the target's RGBA bytes.
function warp(source, theta, height, width, kernel, padding) {
  const {pixels, height: H, width: W} = source;
  const target = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 4) {
      let [x, y] = lookUp(theta, centre(column, width), centre(row, height), source);
      if (padding === "border") {
        x = Math.min(Math.max(x, 0), W - 1);
        y = Math.min(Math.max(y, 0), H - 1);
      }
      if (kernel === "nearest") { x = Math.floor(x + 0.5); y = Math.floor(y + 0.5); } // equation (4)
      const left = Math.floor(x), top = Math.floor(y), u = x - left, v = y - top;
      let red = 0, green = 0, blue = 0;
      for (let k = 0; k < 4; k++) { // the four neighbours, equation (5)
        const m = left + (k & 1), n = top + (k >> 1);
        if (m < 0 || m >= W || n < 0 || n >= H) continue; // outside: zero
        const weight = (k & 1 ? u : 1 - u) * (k >> 1 ? v : 1 - v), from = 4 * (n * W + m);
        red += weight * pixels[from];
        green += weight * pixels[from + 1];
        blue += weight * pixels[from + 2];
      }
      target[to] = red; target[to + 1] = green; target[to + 2] = blue;
    }
  }
  return target;
}
