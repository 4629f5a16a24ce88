// A small trained network, in the browser: its localisation network chooses θ, the sampler makes the
// view, its classifier reads it. Values are {data, shape: [channels, height, width]}, or {data} alone.

// Gives weights from Python in turn, so many rows of such a length: floats of 32 bits or, where rows
// have exponents, whole numbers of 8 bits times two to their row's exponent.
function weightReader(view, exponents) {
  let taken = 0, row = 0;
  const numbers = exponents.length ? new Int8Array(view.buffer, view.byteOffset, view.byteLength) : floatsOf(view);
  return (rows, length) => {
    const next = numbers.subarray(taken, taken += rows * length), first = row;
    row += rows;
    if (!exponents.length) return next;
    return Float32Array.from(next, (number, n) => number * 2 ** exponents[first + Math.floor(n / length)]);
  };
}

// Every output pixel is a weighted sum of the window around it; outside of the picture is 0.
function convolve({data, shape: [, height, width]}, {shape: [outputs, inputs, rows, columns], padding: [top, left]},
                  weight, bias) {
  const H = height + 2 * top - rows + 1, W = width + 2 * left - columns + 1;
  const sums = new Float64Array(outputs * H * W);
  for (let o = 0, w = 0; o < outputs; o++) {
    const map = sums.subarray(o * H * W, (o + 1) * H * W).fill(bias[o]);
    for (let i = 0; i < inputs; i++) for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++, w++) {
      const firstX = Math.max(0, left - c), lastX = Math.min(W, width + left - c);
      for (let y = Math.max(0, top - r); y < Math.min(H, height + top - r); y++) {
        const from = (i * height + y + r - top) * width + c - left;
        for (let x = firstX; x < lastX; x++) map[y * W + x] += weight[w] * data[from + x];
      }
    }
  }
  return {data: Float32Array.from(sums), shape: [outputs, H, W]};
}

// Every window of size×size pixels becomes one: `combine` takes them in turn.
function pool({data, shape: [channels, height, width]}, size, start, combine) {
  const H = Math.floor(height / size), W = Math.floor(width / size);
  const pooled = new Float32Array(channels * H * W).fill(start);
  for (let c = 0; c < channels; c++) for (let y = 0; y < H * size; y++) for (let x = 0; x < W * size; x++) {
    const to = (c * H + Math.floor(y / size)) * W + Math.floor(x / size);
    pooled[to] = combine(pooled[to], data[(c * height + y) * width + x]);
  }
  return {data: pooled, shape: [channels, H, W]};
}

function linear({data}, {shape: [outputs, inputs]}, weight, bias) {
  return {data: Float32Array.from({length: outputs}, (_, o) => {
    let sum = bias[o];
    for (let i = 0, w = o * inputs; i < inputs; i++, w++) sum += weight[w] * data[i];
    return sum;
  })};
}

function softmax(values, sharpness = 1) {
  const highest = Math.max(...values), powers = Array.from(values, value => Math.exp(sharpness * (value - highest)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

// The mean place under the softmax of every map: all x, then all y.
function softArgmax({data, shape: [maps, height, width]}, sharpness) {
  const places = new Float32Array(2 * maps);
  for (let m = 0; m < maps; m++) {
    softmax(data.subarray(m * height * width, (m + 1) * height * width), sharpness).forEach((share, n) => {
      places[m] += share * pixelCentre(n % width, width);
      places[maps + m] += share * pixelCentre(Math.floor(n / width), height);
    });
  }
  return {data: places};
}

const LAYERS = {
  conv: convolve, linear,
  relu: ({data, shape}) => ({data: data.map(value => Math.max(value, 0)), shape}),
  max_pool: (values, {size}) => pool(values, size, -Infinity, Math.max),
  mean_pool: (values, {size}) => pool(values, size, 0, (sum, value) => sum + value / size ** 2),
  soft_argmax: (values, {inverse_temperature}) => softArgmax(values, inverse_temperature),
  nothing: values => values,
};

// The layers, each with its own weights, taken from `weights` in turn.
function withWeights(layers, take) {
  return layers.map(layer => {
    if (!layer.shape) return values => LAYERS[layer.kind](values, layer);
    const [outputs, ...inputs] = layer.shape, own = [take(outputs, inputs.reduce((a, b) => a * b)), take(1, outputs)];
    return values => LAYERS[layer.kind](values, layer, ...own);
  });
}

// A function from a scene's grey bytes to the network's θ and its shares for every class.
function networkFrom({localisation, classifier, weights, exponents}, side, {size: [height, width], kernel, padding}) {
  const take = weightReader(weights, exponents), points = meshgrid(height, width);
  const [find, read] = [localisation, classifier].map(layers => withWeights(layers, take));
  const run = (layers, values) => layers.reduce((given, layer) => layer(given), values).data;
  const around = new Neighbours(side, side, kernel, padding);
  return bytes => {
    const scene = Float32Array.from(bytes, byte => byte / 255);
    const residual = run(find, {data: scene, shape: [1, side, side]});
    const theta = [1, 0, 0, 0, 1, 0].map((number, k) => Math.fround(number + residual[k]));
    const grid = samplingGrid(theta, points), view = new Float32Array(height * width);
    for (let n = 0; n < view.length; n++) {
      around.moveTo((grid[2 * n] + 1) * (side - 1) / 2, (grid[2 * n + 1] + 1) * (side - 1) / 2);
      view[n] = around.value(scene);
    }
    return {theta, shares: softmax(run(read, {data: view, shape: [1, height, width]}))};
  };
}
