// Volumes for the browser: volume.py and the trilinear sampler in short. A volume is {values, size},
// grey from 0 to 1, size [depth, height, width]; a θ of it is twelve numbers, row by row.

// θ of a solid turned by degrees about the x axis, then y, then z. As `volume_theta` of volume.py.
function volumeTheta([aboutX, aboutY, aboutZ], size) {
  const turn = (degrees, a, b) => {
    const cos = Math.cos(radians(degrees)), sin = Math.sin(radians(degrees));
    const matrix = [0, 1, 2].map(i => [0, 1, 2].map(j => Number(i === j)));
    matrix[a][a] = matrix[b][b] = cos; matrix[a][b] = sin; matrix[b][a] = -sin;
    return matrix;
  };
  const times = (A, B) => A.map(row => [0, 1, 2].map(j => row.reduce((sum, a, k) => sum + a * B[k][j], 0)));
  const solid = times(turn(aboutZ, 0, 1), times(turn(aboutY, 2, 0), turn(aboutX, 1, 2)));
  const steps = voxelSteps(size);
  return [0, 1, 2].flatMap(i => [...[0, 1, 2].map(j => solid[j][i] * steps[j] / steps[i]), 0]); // turned back
}

// Voxel steps from edge to edge along x, y and z.
const voxelSteps = size => [...size].reverse().map(side => Math.max(side - 1, 1));

// Where the target point (x, y, z) looks: equation (1) with one coordinate more.
const applyVolumeTheta = (theta, x, y, z) =>
  [0, 4, 8].map(r => theta[r] * x + theta[r + 1] * y + theta[r + 2] * z + theta[r + 3]);

// A volume's voxels with one layer of zeros around them.
function withMargin({values, size: [D, H, W]}) {
  const wide = new Float32Array((D + 2) * (H + 2) * (W + 2));
  for (let k = 0; k < D; k++) for (let j = 0; j < H; j++) {
    const row = (k * H + j) * W;
    wide.set(values.subarray(row, row + W), ((k + 1) * (H + 2) + j + 1) * (W + 2) + 1);
  }
  return wide;
}

// What θ reads from a volume, by trilinear interpolation; outside of it is 0. A new volume.
function warpVolume(volume, theta, [depth, height, width]) {
  const [D, H, W] = volume.size, values = withMargin(volume), row = W + 2, layer = (H + 2) * row;
  const out = new Float32Array(depth * height * width), columns = Array.from({length: width}, (_, i) => pixelCentre(i, width));
  // In voxels: how far a row of the view goes on from column to column, and where it begins.
  const stepX = theta[0] * (W - 1) / 2, stepY = theta[4] * (H - 1) / 2, stepZ = theta[8] * (D - 1) / 2;
  let n = 0;
  for (let k = 0; k < depth; k++) for (let j = 0; j < height; j++) {
    const middle = applyVolumeTheta(theta, 0, pixelCentre(j, height), pixelCentre(k, depth));
    const [startX, startY, startZ] = middle.map((place, axis) => (place + 1) * ([W, H, D][axis] - 1) / 2);
    for (let i = 0; i < width; i++, n++) {
      const x = startX + stepX * columns[i], y = startY + stepY * columns[i], z = startZ + stepZ * columns[i];
      if (!(x > -1 && x < W && y > -1 && y < H && z > -1 && z < D)) continue;
      const left = Math.floor(x), top = Math.floor(y), front = Math.floor(z), u = x - left, v = y - top, w = z - front;
      const here = (front + 1) * layer + (top + 1) * row + left + 1;
      const along = m => (1 - u) * values[m] + u * values[m + 1]; // x; then along y, then along z
      const near = (1 - v) * along(here) + v * along(here + row);
      out[n] = (1 - w) * near + w * ((1 - v) * along(here + layer) + v * along(here + layer + row));
    }
  }
  return {values: out, size: [depth, height, width]};
}

// The mean over a volume's depth, its brightest voxel from above, and one of its layers: grey pictures.
function flatten({values, size: [depth, height, width]}) {
  const mean = new Float32Array(height * width);
  values.forEach((value, n) => { mean[n % mean.length] += value / depth; });
  return mean;
}
function fromAbove({values, size: [depth, height, width]}) { // what is far away stands above
  const seen = new Float32Array(depth * width);
  values.forEach((value, n) => {
    const i = (depth - 1 - Math.floor(n / (height * width))) * width + n % width;
    seen[i] = Math.max(seen[i], value);
  });
  return seen;
}
const layerOf = ({values, size: [, height, width]}, k) => values.subarray(k * height * width, (k + 1) * height * width);

const LIGHT = [-0.4, -0.5, -0.77], AMBIENT = 0.25;

// A solid as seen from the front, lit from the upper left: `shade` of plots/solids.py.
function shade({values, size: [depth, height, width]}) {
  const count = height * width, cover = new Float32Array(count), z = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    let unseen = 1;
    for (let k = 0; k < depth && unseen > 0; k++) {
      const value = values[k * count + n];
      if (!value) continue;
      const weight = unseen * value;
      cover[n] += weight; z[n] += weight * pixelCentre(k, depth); unseen -= weight;
    }
    z[n] /= Math.max(cover[n], 1e-6);
  }
  const picture = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const column = n % width, row = Math.floor(n / width);
    const beside = (m, inside) => inside && cover[m] > 0.5 ? z[m] : z[n];
    const slopeX = (beside(n + 1, column + 1 < width) - beside(n - 1, column > 0)) * (width - 1) / 4;
    const slopeY = (beside(n + width, row + 1 < height) - beside(n - width, row > 0)) * (height - 1) / 4;
    const lit = (LIGHT[0] * slopeX + LIGHT[1] * slopeY - LIGHT[2]) / Math.hypot(1, slopeX, slopeY);
    picture[n] = cover[n] * (AMBIENT + (1 - AMBIENT) * Math.max(lit, 0));
  }
  return picture;
}
