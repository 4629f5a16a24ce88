// The scene of "fool the network": a digit, clutter and ink, put together as grey bytes.

// The scene's grey bytes: the digit, placed by θ as any picture is; crops of others and ink added.
function sceneComposer(model, ink) {
  const side = model.get("side"), places = model.get("crop_places");
  const digits = bytesOf(model.get("digits")), crops = bytesOf(model.get("crops"));
  const digitSide = Math.sqrt(digits.length / model.get("labels").length);
  const cropSide = Math.sqrt(crops.length / places.length);
  return (rotation = model.get("rotation")) => {
    const index = model.get("index"), scene = new Uint8ClampedArray(side * side); // clips at white
    for (let k = 0; k < model.get("clutter"); k++) {
      const [line, column] = places[k];
      for (let i = 0; i < cropSide ** 2; i++) {
        scene[(line + Math.floor(i / cropSide)) * side + column + i % cropSide] += crops[k * cropSide ** 2 + i];
      }
    }
    if (index >= 0) {
      const theta = affineTheta({rotation, shear: 0, x: model.get("x"), y: model.get("y"),
        scale: model.get("scale") * (digitSide - 1) / (side - 1)}, side, side); // a pixel stays a pixel
      const grey = digits.subarray(index * digitSide ** 2, (index + 1) * digitSide ** 2);
      const placed = warp(greyPicture(grey, digitSide, digitSide), theta, side, side);
      for (let i = 0; i < side * side; i++) scene[i] += placed[4 * i];
    }
    const drawn = ink.g.getImageData(0, 0, side, side).data;
    for (let i = 0; i < side * side; i++) scene[i] += drawn[4 * i + 3];
    return scene;
  };
}

// The drawing: a layer of its own, as large as the scene.
class Ink {
  constructor(side) {
    this.side = side;
    this.g = makeElement("canvas", {width: side, height: side}).getContext("2d", {willReadFrequently: true});
    this.g.lineCap = this.g.lineJoin = "round";
    this.pen = [side / 2, side / 2];
  }

  // Moves the pen, drawing or erasing on its way unless it is lifted.
  moveTo(x, y, {lifted = false, erasing = false} = {}) {
    if (!lifted) {
      this.g.globalCompositeOperation = erasing ? "destination-out" : "source-over";
      drawLine(this.g, [this.pen, [x, y], [x, y]], "white", erasing ? 7 : 2.6);
    }
    this.pen = [x, y];
  }

  clear() { this.g.clearRect(0, 0, this.side, this.side); }
}
