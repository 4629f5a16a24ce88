// What all live pictures are held by: sliders, choices, buttons and points to drag, each with a
// name for screen readers, each moved by arrow keys (with shift in larger steps).

const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

// Makes an element that of a live picture. JupyterLab would take its keys for shortcuts, so they stay inside;
// those with Ctrl or Cmd go out, so that Ctrl+S saves.
function setUpRoot(el) {
  el.classList.add("stn-live");
  el.addEventListener("keydown", event => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  return el;
}

// A row of controls, the last child of `parent`.
function row(parent, ...children) {
  const element = makeElement("div", {className: "stn-row"}, ...children);
  parent.append(element);
  return element;
}

// A slider with its label and its value in words. Returns {set, input}: `set` moves it silently.
function slider(parent, {label, min, max, step, digits = 2, unit = ""}, onInput) {
  const input = makeElement("input", {type: "range", min, max, step, "aria-label": label});
  const value = makeElement("output");
  parent.append(makeElement("label", {className: "stn-slider"}, makeElement("span", {}, label), input, value));
  const set = number => {
    input.value = number;
    value.textContent = fixed(number, digits) + unit;
    input.setAttribute("aria-valuetext", value.textContent);
  };
  const move = number => { set(clamp(number, min, max)); onInput(Number(input.value)); };
  input.addEventListener("input", () => move(Number(input.value)));
  input.addEventListener("keydown", event => {
    const direction = ARROWS[event.key];
    if (!direction || !event.shiftKey) return; // the browser's own single step
    event.preventDefault();
    move(Number(input.value) + 10 * step * (direction[0] - direction[1]));
  });
  return {set, input};
}

function choice(parent, label, options, onChange) {
  const select = makeElement("select", {"aria-label": label});
  for (const option of options) select.append(makeElement("option", {value: option}, option));
  select.addEventListener("change", () => onChange(select.value));
  parent.append(makeElement("label", {}, `${label} `, select));
  return select;
}

function toggle(parent, label, onChange) {
  const box = makeElement("input", {type: "checkbox"});
  box.addEventListener("change", () => onChange(box.checked));
  parent.append(makeElement("label", {}, box, ` ${label}`));
  return box;
}

function button(parent, label, onClick, words = label) {
  const element = makeElement("button", {type: "button", "aria-label": words}, label);
  element.addEventListener("click", onClick);
  parent.append(element);
  return element;
}

// A place for messages, read out by screen readers when they change; `tell.current()` is the last one.
function messageLine(parent) {
  const place = makeElement("p", {className: "stn-message", role: "status"});
  parent.append(place);
  const tell = text => { if (place.textContent !== text) place.textContent = text; };
  tell.current = () => place.textContent;
  return tell;
}

// For what changes with every frame: told only when it has not changed for a while.
function debounced(tell, milliseconds = 400) {
  let waiting;
  const say = text => { clearTimeout(waiting); waiting = setTimeout(() => tell(text), milliseconds); };
  say.cancel = () => clearTimeout(waiting);
  return say;
}

// Changes of a model, sent to Python at once.
const saver = model => changes => { model.set(changes); model.save_changes(); };

// Calls functions when a model changes: {"change:theta change:size": redraw}. Returns what ends that.
function listenTo(model, listeners) {
  const pairs = Object.entries(listeners);
  for (const [events, listener] of pairs) model.on(events, listener);
  return () => { for (const [events, listener] of pairs) model.off(events, listener); };
}

// A point on a canvas to be dragged by mouse or finger, or moved by arrow keys (`step` canvas
// pixels, ten times as far with shift). onMove(x, y, event) hears where it should go, in canvas
// pixels; place(x, y, words) puts it there, with words for screen readers.
function handle(canvas, words, onMove, step = 2) { // Returns {knob, place}.
  const knob = makeElement("button", {type: "button", className: "stn-handle", "aria-label": words,
                               role: "slider", "aria-valuenow": 0}); // in two directions: see valuetext
  canvas.parentElement.append(knob);
  let x = 0, y = 0, grip = null;
  const scale = () => canvas.clientWidth / canvas.width || 1;
  knob.addEventListener("pointerdown", event => {
    if (event.button) return; // the main button, or a finger
    grip = [event.clientX / scale() - x, event.clientY / scale() - y];
    knob.setPointerCapture(event.pointerId);
    knob.focus();
    event.preventDefault();
  });
  knob.addEventListener("pointermove", event => {
    if (!event.buttons) grip = null; // a menu may have swallowed the release
    if (grip) onMove(event.clientX / scale() - grip[0], event.clientY / scale() - grip[1], event);
  });
  for (const end of ["pointerup", "pointercancel"]) knob.addEventListener(end, () => { grip = null; });
  knob.addEventListener("keydown", event => {
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault();
    const far = (event.shiftKey ? 10 : 1) * (typeof step === "function" ? step() : step);
    x = clamp(x + far * direction[0], 0, canvas.width); // the next press may come before a redraw
    y = clamp(y + far * direction[1], 0, canvas.height);
    onMove(x, y, event);
  });
  return {
    knob,
    place(toX, toY, where) { // kept where it can be seen and taken hold of
      x = clamp(toX, 0, canvas.width); y = clamp(toY, 0, canvas.height);
      knob.style.left = `${100 * x / canvas.width}%`;
      knob.style.top = `${100 * y / canvas.height}%`;
      knob.setAttribute("aria-valuetext", where
        ?? `${percent(x / canvas.width, 0)} from the left, ${percent(y / canvas.height, 0)} from the top`);
    },
  };
}

// The sliders of an affine θ: their names, ranges and units.
const THETA_SLIDERS = {
  rotation: {label: "rotation", min: -180, max: 180, step: 1, digits: 0, unit: "°"},
  scale: {label: "scale", min: 0.25, max: 3, step: 0.01, unit: "×"},
  stretch: {label: "stretch", min: 0.25, max: 3, step: 0.01, unit: "×"},
  shear: {label: "shear", min: -60, max: 60, step: 1, digits: 0, unit: "°"},
  x: {label: "right", min: -1.5, max: 1.5, step: 0.01},
  y: {label: "down", min: -1.5, max: 1.5, step: 0.01},
};

function thetaSliders(parent, names, size, write) {
  const numbers = {...IDENTITY};
  const rows = row(parent);
  rows.classList.add("stn-sliders");
  const sliders = Object.fromEntries(names.map(name => [name, slider(rows, THETA_SLIDERS[name], value => {
    numbers[name] = value;
    write(affineTheta(numbers, ...size()));
  })]));
  return {
    numbers,
    follow(theta) { // false if no slider can say this θ
      const parts = decompose(theta, ...size());
      if (!parts) return false;
      // A slider that has just been moved says its number more exactly than θ does, and knows
      // 180° from −180°.
      const same = affineTheta(numbers, ...size()).every((v, i) => Math.abs(v - theta[i]) < 1e-5);
      if (!same) Object.assign(numbers, parts);
      for (const name of names) sliders[name].set(numbers[name]);
      return true;
    },
  };
}

const NO_SLIDER = "This θ reads the whole target from one line or point: no slider can say it.";

function followOrTell(sliders, theta, tell) {
  if (!sliders.follow(theta)) tell(NO_SLIDER); else if (tell.current() === NO_SLIDER) tell("");
}

// θ of a model as plain numbers; as float32, so that Python's copy is equal to the last bit.
const readTheta = model => model.get("theta");
function writeTheta(model, theta) {
  model.set("theta", theta.map(Math.fround));
  model.save_changes();
}

// A field for a number to be typed. What is no number from min to max is refused in words by
// `tell`, and the old one comes back. Returns {set, input}: `set` leaves alone what is being typed.
function numberField(parent, {label, min = -1e6, max = 1e6, digits = 2}, onChange, tell) {
  const input = makeElement("input", {type: "text", inputMode: "decimal", "aria-label": label, title: label, size: 6});
  let last = 0;
  const show = () => { input.value = fixed(last, digits); };
  input.addEventListener("change", () => {
    const value = Number(input.value.trim().replace("−", "-").replace(",", ".") || NaN);
    if (value >= min && value <= max) { tell(""); return onChange(value); }
    const such = max < 1e6 ? `from ${fixed(min, 1)} to ${fixed(max, 1)}` : "such as 0.5";
    tell(`${label} must be a number ${such}, got “${input.value}”. It is left as it was.`);
    show();
  });
  parent.append(input);
  return {input, set(value) { last = value; if (!input.matches(":focus")) show(); }};
}

// Equation (1) with the six numbers of θ to be typed over; with a third row, that of a homography,
// whose ninth number stays. Returns what lets them follow θ.
function thetaFields(parent, rows, model, write, tell) {
  const numbers = makeElement("span", {className: "stn-matrix"}), names = "₁₂₃";
  const fields = Array.from({length: 3 * rows}, (_, i) => {
    const label = `θ${names[Math.floor(i / 3)]}${names[i % 3]}`;
    const change = value => write(readTheta(model).map((old, k) => k === i ? value : old));
    return numberField(numbers, {label}, change, tell);
  });
  if (rows === 3) fields[8].input.readOnly = true;
  const column = (...lines) =>
    makeElement("span", {className: "stn-column"}, ...lines.map(line => makeElement("span", {}, line)));
  const source = rows === 3 ? ["w·xₛ", "w·yₛ", "w"] : ["xₛ", "yₛ"];
  const words = rows === 3 ? "a homography, θ editable" : "equation (1), θ editable";
  parent.append(makeElement("div", {className: "stn-formula", role: "group", "aria-label": words},
    column(...source), "=", numbers, column("xₜ", "yₜ", "1")));
  return theta => fields.forEach((field, i) => field.set(theta[i]));
}

// Choices of kernel and padding, as far as they are offered. Returns what lets them follow `model`.
function samplerChoices(parent, model, save, offered = ["kernel", "padding"], paddings = ["zeros", "border"]) {
  const options = {kernel: ["bilinear", "nearest"], padding: paddings};
  const names = Object.keys(options).filter(name => offered.includes(name));
  const selects = names.map(name => choice(parent, name, options[name], value => save({[name]: value})));
  return () => names.forEach((name, k) => { selects[k].value = model.get(name); });
}
