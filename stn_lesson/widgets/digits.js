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
    Object.assign(this, {canvas, source, frame: new SourceView(canvas, {side, margin: 0.12})});
  }

  showRegion(theta) {
    const {canvas, frame, source} = this;
    if (frame.source !== source || canvas.width !== frame.width + 2 * frame.border) frame.show(source);
    canvas.classList.remove("stn-pixels");
    outline(frame.clear(), theta, source, frame.at);
  }

  showView(theta, {size: [height, width], kernel, padding}) {
    this.canvas.classList.add("stn-pixels");
    paint(this.canvas, {pixels: warp(this.source, theta, height, width, kernel, padding), height, width});
  }
}
