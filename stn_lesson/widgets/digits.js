// What the training monitor and the flight recorder share: test digits, with the region that a
// network attends to.

// Grey pictures from bytes of Python, (N, 1, H, W).
function greyPictures(view, [count, , height, width]) {
  const bytes = bytesOf(view), each = height * width;
  return Array.from({length: count}, (_, n) =>
    greyPicture(bytes.subarray(n * each, (n + 1) * each), height, width));
}

// A digit to look at: with the region that θ reads, or as the transformer hands it on.
class Digit {
  constructor(canvas, source, side) {
    Object.assign(this, {canvas, source, view: new SourceView(canvas, {side, margin: 0.12})});
  }

  showRegion(theta) {
    const {canvas, view, source} = this;
    if (view.source !== source || canvas.width !== view.width + 2 * view.border) view.show(source);
    canvas.classList.remove("stn-pixels");
    drawRegion(view.clear(), theta, view.toCanvas);
  }

  showView(theta, {size: [height, width], kernel, padding}) {
    this.canvas.classList.add("stn-pixels");
    paint(this.canvas, {pixels: warp(this.source, theta, height, width, kernel, padding), height, width});
  }
}
