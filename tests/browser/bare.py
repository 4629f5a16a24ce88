"""A live picture in a bare page: its script, and a model that holds its state, without a kernel."""

import base64
import io

import matplotlib.image
import torch

MODEL = """
([state, script, style]) => {
  const revive = value => {
    if (Array.isArray(value)) return value.map(revive);
    if (value === null || typeof value !== "object") return value;
    if (!("base64" in value))
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]));
    return new DataView(Uint8Array.from(atob(value.base64), c => c.charCodeAt(0)).buffer);
  };
  const values = revive(state), listeners = [];
  const forEachName = change => (names, listener) =>
    names.split(" ").forEach(name => change(name, listener));
  window.model = {
    saved: 0, sent: [],
    get: name => values[name],
    set(name, value) {
      const given = typeof name === "string" ? {[name]: value} : name;
      const text = thing => thing instanceof DataView ? thing : JSON.stringify(thing);
      const changed = Object.keys(given).filter(key => text(given[key]) !== text(values[key]));
      Object.assign(values, given);
      for (const key of changed) this.tell(`change:${key}`); // only what differs, as in Jupyter
    },
    tell(name, ...words) {
      for (const [n, listener] of [...listeners]) if (n === name) listener(...words);
    },
    save_changes() { this.saved += 1; },
    send(content, _, buffers) { this.sent.push([content, buffers]); },
    on: forEachName((name, listener) => listeners.push([name, listener])),
    off: forEachName((name, listener) => {
      const at = listeners.findIndex(([n, l]) => n === name && (!listener || l === listener));
      if (at >= 0) listeners.splice(at, 1);
    }),
    listeners: () => listeners.length,
  };
  document.head.append(Object.assign(document.createElement("style"), {textContent: style}));
  const el = document.createElement("div");
  document.body.append(el);
  window.el = el;
  const address = URL.createObjectURL(new Blob([script], {type: "text/javascript"}));
  return import(address).then(async module => {
    window.end = await module.default.render({model: window.model, el});
  });
}
"""


def mount(page, live) -> None:
    """Show a live picture in a bare page; `window.model` is its model, `window.end()` ends it."""
    state = {k: v for k, v in live.get_state().items() if not k.startswith("_")}
    page.set_content("<!DOCTYPE html><title>bare</title><body></body>")
    page.evaluate(MODEL, [_packed(state), live._esm, live._css])


def _packed(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _packed(item) for name, item in value.items()}
    return [_packed(item) for item in value] if isinstance(value, (list, tuple)) else value


def settle(page) -> None:
    """Wait until what was asked for in this frame has been drawn."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def theta(page) -> torch.Tensor:
    """θ of the mounted picture, (1, 2, 3)."""
    numbers = page.evaluate("window.model.get('theta')")
    return torch.tensor(numbers, dtype=torch.float32).view(1, 2, 3)


def pixels(page, which: int) -> torch.Tensor:
    """The pixels of the n-th canvas of the first live picture of the page: (1, 3, H, W)."""
    data = page.evaluate(
        "n => document.querySelectorAll('.stn-live canvas')[n].toDataURL('image/png')", which
    )
    raw = matplotlib.image.imread(io.BytesIO(base64.b64decode(data.split(",")[1])))
    return torch.from_numpy(raw[..., :3].copy()).permute(2, 0, 1)[None]


def move(page, label: str, key: str = "ArrowRight", times: int = 1) -> None:
    """Press a key on a slider, a handle or whatever else has this label."""
    page.locator(f".stn-live [aria-label='{label}']").first.focus()
    for _ in range(times):
        page.keyboard.press(key)
    settle(page)


def drag(page, label: str, right: float, down: float = 0) -> None:
    """Drag the handle with this label by so many pixels of the screen."""
    box = page.locator(f".stn-live [aria-label='{label}']").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=4)
    page.mouse.up()
    settle(page)
