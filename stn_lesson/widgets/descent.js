// The loss between a warped and a wanted picture, its gradient with respect to θ, and descent along
// it. A grey picture is {grey, height, width}, its numbers from 0 to 1.

// The loss L = mean (V − wanted)² and its gradient ∂L/∂θ. V comes by equation (5), its slope in the
// source by (7), and what θ has to do with the place by (1). `every` 2 looks at every second target
// pixel only; `target` is filled with V.
function assess(source, wanted, theta, {every = 1, target = null} = {}) {
  const {grey, height: H, width: W} = source, {height, width} = wanted, around = new Neighbours(H, W);
  const acrossX = (W - 1) / 2, acrossY = (H - 1) / 2; // pixels in one unit
  const gradient = [0, 0, 0, 0, 0, 0], first = (every - 1) >> 1;
  let loss = 0, count = 0;
  for (let row = first; row < height; row += every) {
    const y = pixelCentre(row, height);
    for (let column = first; column < width; column += every) {
      const x = pixelCentre(column, width), here = row * width + column;
      const xs = (theta[0] * x + theta[1] * y + theta[2] + 1) * acrossX; // (1)
      const ys = (theta[3] * x + theta[4] * y + theta[5] + 1) * acrossY;
      count += 1;
      if (!(xs >= -1 && xs < W && ys >= -1 && ys < H)) { // no pixel near: V is 0, and so is its slope
        loss += wanted.grey[here] ** 2;
        if (target) target[here] = 0;
        continue;
      }
      around.moveTo(xs, ys);
      const value = around.value(grey), error = value - wanted.grey[here];
      if (target) target[here] = value;
      loss += error * error;
      const slopeX = 2 * error * acrossX * around.slopeX(grey), slopeY = 2 * error * acrossY * around.slopeY(grey);
      gradient[0] += slopeX * x; gradient[1] += slopeX * y; gradient[2] += slopeX;
      gradient[3] += slopeY * x; gradient[4] += slopeY * y; gradient[5] += slopeY;
    }
  }
  return {loss: loss / count, gradient: gradient.map(sum => sum / count)};
}

// The mean over (2k + 1)² pixels around each, black beyond the edge: first along rows, then columns.
function blurred({grey, height, width}, k) {
  const along = (from, lines, length, nextLine, next) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      const at = i => i >= 0 && i < length ? from[line * nextLine + i * next] : 0;
      let sum = 0;
      for (let i = 0; i < k; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        sum += at(i + k) - at(i - k - 1);
        to[line * nextLine + i * next] = sum / (2 * k + 1);
      }
    }
    return to;
  };
  if (!k) return {grey, height, width};
  return {grey: along(along(grey, height, width, width, 1), width, height, 1, width), height, width};
}

// The warped picture in orange over the wanted one in blue; pale where both are bright.
function overlay(warped, {grey: wanted, height, width}) {
  const pixels = new Uint8ClampedArray(4 * height * width).fill(255);
  for (let i = 0, to = 0; i < wanted.length; i++, to += 4) {
    const a = warped[i], b = wanted[i];
    pixels[to] = 230 * a; pixels[to + 1] = 159 * a + 114 * b * (1 - a / 2); pixels[to + 2] = 178 * b;
  }
  return {pixels, height, width};
}

// The optimiser of notebook 04's `align`: torch.optim.Adam at rate 0.02.
class Adam {
  steps = 0; mean = [0, 0, 0, 0, 0, 0]; square = [0, 0, 0, 0, 0, 0];

  step(theta, gradient) {
    this.steps += 1;
    const full = decay => 1 - decay ** this.steps; // makes up for the start at 0
    return theta.map((value, i) => {
      this.mean[i] += 0.1 * (gradient[i] - this.mean[i]);
      this.square[i] += 0.001 * (gradient[i] ** 2 - this.square[i]);
      return value - 0.02 * this.mean[i] / full(0.9) / (Math.sqrt(this.square[i] / full(0.999)) + 1e-8);
    });
  }
}
