// A finished training, to be wound back and forth: θ of every digit after every epoch, and
// everything in between. Epoch 0 is the time before training, when every θ is the identity.

const FLIGHT = 8000; // milliseconds from the first epoch to the last
const ACROSS = 8; // digits in a row

function render({model, el}) {
  frame(el);
  const labels = model.get("labels"), view = model.get("view"), accuracy = model.get("accuracy");
  const pictures = greyPictures(model.get("images"), model.get("image_shape"));
  const thetas = floatsOf(model.get("flight")), each = 6 * pictures.length;
  const last = thetas.length / each - 1;
  const named = k => `digit ${k + 1}${labels.length ? `, a ${labels[k]}` : ""}`;
  const save = saver(model);

  // θ of digit k at any time: a share of the epoch before and a share of the epoch after.
  function thetaAt(epoch, k) {
    const before = Math.min(Math.floor(epoch), last - 1), share = epoch - before, from = before * each + 6 * k;
    return Array.from({length: 6}, (_, i) => (1 - share) * thetas[from + i] + share * thetas[from + each + i]);
  }

  const sides = make("div", {className: "stn-sides"}), main = make("div"), side = make("div");
  el.append(sides);
  sides.append(main, side);

  // The digits are one group for the tab key, and arrow keys walk about in it.
  const tiles = make("div", {className: "stn-tiles", role: "radiogroup",
                             "aria-label": "digits: choose one to see it large"});
  main.append(tiles);
  const digits = pictures.map((source, k) => {
    const canvas = make("canvas");
    const tile = make("button", {type: "button", role: "radio", "aria-label": named(k)}, canvas);
    tile.addEventListener("click", () => save({chosen: k}));
    tiles.append(tile);
    return Object.assign(new Digit(canvas, source, 112), {tile});
  });
  tiles.addEventListener("keydown", event => {
    const [right, down] = ARROWS[event.key] ?? [0, 0], to = model.get("chosen") + right + ACROSS * down;
    if (!(right || down)) return;
    event.preventDefault();
    if (!digits[to]) return;
    save({chosen: to});
    digits[to].tile.focus();
  });

  const large = make("div", {className: "stn-large"}), seen = make("div", {className: "stn-large"});
  side.append(large, seen);
  const region = panel(large, "where it looks"), target = panel(seen, "what the classifier sees");
  const numbers = make("p", {className: "stn-numbers"});
  side.append(numbers);

  const flight = make("div", {className: "stn-flight"});
  if (accuracy.length) main.append(flight);
  const curve = panel(flight, "test accuracy"), measured = accuracy.map((share, k) => [k + 1, 100 * share]);
  const still = make("canvas", {width: 1172, height: 250}); // the curve, drawn once for all
  Object.assign(curve, {width: still.width, height: still.height});
  const at = diagram(still, {x: [0, last], y: [0, 100], unit: " %", xLabel: "epoch",
                             curves: [{points: measured, colour: GREEN, dots: last <= 40}]});

  const time = row(main), play = button(time, "play", () => playing ? rest() : fly());
  time.classList.add("stn-wide");
  const epochs = slider(time, {label: "epoch", min: 0, max: last, step: 0.1, digits: 1}, epoch => {
    rest();
    save({epoch});
  });
  const box = toggle(row(main), "show what the classifier sees", views => save({views}));
  const words = make("p", {className: "stn-words"});
  main.append(words);

  let playing = 0; // the frame that is asked for
  function fly() {
    let before = performance.now(), epoch = model.get("epoch");
    if (epoch >= last) epoch = 0;
    const next = now => {
      epoch = Math.min(epoch + last * Math.max(now - before, 0) / FLIGHT, last);
      before = now;
      playing = epoch < last ? requestAnimationFrame(next) : 0;
      save({epoch});
    };
    playing = requestAnimationFrame(next);
    redraw();
  }
  function rest() {
    cancelAnimationFrame(playing);
    playing = 0;
    redraw();
  }

  const shares = accuracy.map(share => percent(share));
  curve.setAttribute("aria-label", `test accuracy after every epoch: ${shares.join(", ")}`);
  function inWords(epoch) {
    if (epoch === 0) return "Before training: every frame is the whole picture.";
    const after = Math.ceil(epoch - 1e-6), between = after - epoch > 1e-6;
    if (between && after === 1) return "In the first epoch.";
    const when = between ? `Between epochs ${after - 1} and ${after}` : `After epoch ${after} of ${last}`;
    if (!accuracy.length) return `${when}.`;
    const [a, b] = [shares[after - 2], shares[after - 1]];
    return between ? `${when}: from ${a} to ${b} of the test digits named correctly.`
      : `${when}: ${b} of the test digits named correctly.`;
  }

  function drawCurve(epoch) {
    const g = curve.getContext("2d"), [x] = at([epoch, 0]);
    g.drawImage(still, 0, 0);
    trace(g, [[x, at([0, 100])[1]], [x, at([0, 0])[1]]], ORANGE, 4);
    if (epoch >= 1) {
      const k = Math.min(Math.floor(epoch), last - 1) - 1, share = epoch - k - 1;
      const height = last > 1 ? (1 - share) * measured[k][1] + share * measured[k + 1][1] : measured[0][1];
      dot(g, at([epoch, height]), 11, ORANGE, "#333");
    }
  }

  function drawLarge(epoch, chosen) {
    const theta = thetaAt(epoch, chosen), [a, b, x, c, d, y] = theta;
    enlarged.source = seenLarge.source = pictures[chosen];
    enlarged.showRegion(theta);
    seenLarge.showView(theta, view);
    const area = Math.abs(a * d - b * c), line = numbers => numbers.map(v => fixed(v).padStart(6)).join(" ");
    numbers.textContent = `${named(chosen)}\nθ = ${line([a, b, x])}\n    ${line([c, d, y])}\n` +
      `area: ${(100 * area).toFixed(0)} % of the picture`;
    region.setAttribute("aria-label", `${named(chosen)}, with the region that is read: ` +
      `${(100 * area).toFixed(0)} % of the picture around (${fixed(x)}, ${fixed(y)})`);
    target.setAttribute("aria-label", `what the classifier sees of ${named(chosen)}`);
  }
  const enlarged = new Digit(region, pictures[0], 300), seenLarge = new Digit(target, pictures[0], 300);

  function draw() {
    const epoch = clamp(model.get("epoch"), 0, last), views = model.get("views");
    const chosen = clamp(model.get("chosen"), 0, pictures.length - 1);
    digits.forEach((digit, k) => {
      const theta = thetaAt(epoch, k);
      if (views) digit.showView(theta, view); else digit.showRegion(theta);
      digit.tile.setAttribute("aria-checked", k === chosen);
      digit.tile.tabIndex = k === chosen ? 0 : -1;
    });
    drawLarge(epoch, chosen);
    if (accuracy.length) drawCurve(epoch);
    epochs.set(epoch);
    words.textContent = inWords(epoch);
    epochs.input.setAttribute("aria-valuetext", `epoch ${fixed(epoch, 1)}. ${words.textContent}`);
    box.checked = views;
    play.textContent = playing ? "pause" : "play";
    play.setAttribute("aria-label", `${play.textContent} the flight through the epochs`);
  }
  const redraw = oncePerFrame(draw);

  draw();
  const follow = "change:epoch change:chosen change:views";
  model.on(follow, redraw);
  return () => {
    cancelAnimationFrame(playing);
    redraw.cancel();
    model.off(follow, redraw);
  };
}

export default {render};
