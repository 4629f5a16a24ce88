// Plays the part of Jupyter for live pictures on a page: gives each the model that anywidget would
// give it, with the state that it had at its cell. No kernel listens. What a picture needs lies in
// scripts that call livePictures.put(name, what), since a page opened from disk may not fetch.
(() => {
  const here = new URL(".", document.currentScript.src), NEAR = "600px";
  const arrived = {}, loading = {}, modules = {};

  function load(name) {
    return loading[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`live/${name}.js`, here);
      const fail = () => reject(new Error(`${script.src} cannot be loaded`));
      script.onload = () => name in arrived ? resolve(arrived[name]) : fail();
      script.onerror = fail;
      document.head.append(script);
    });
  }

  // A module is imported once, however many pictures are of its kind.
  function importModule(name) {
    return modules[name] ??= load(name).then(text =>
      import(URL.createObjectURL(new Blob([text], {type: "text/javascript"}))));
  }

  async function inflate(base64) {
    const packed = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new DataView(await new Response(stream).arrayBuffer());
  }

  // A state as it is kept, with its bytes as the DataViews that a picture expects.
  async function revive(value) {
    if (Array.isArray(value)) return Promise.all(value.map(revive));
    if (value === null || typeof value !== "object") return value;
    if ("script" in value) return inflate(await load(value.script));
    if ("deflated" in value) return inflate(value.deflated);
    const items = Object.entries(value).map(async ([name, item]) => [name, await revive(item)]);
    return Object.fromEntries(await Promise.all(items));
  }

  const bytesOf = view => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

  // Whether two values of a trait are equal in content: if so, nobody is told of a change.
  function same(a, b) {
    if (Object.is(a, b)) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
    if (a instanceof DataView || b instanceof DataView) {
      return a instanceof DataView && b instanceof DataView && same([...bytesOf(a)], [...bytesOf(b)]);
    }
    const names = Object.keys(a);
    return Array.isArray(a) === Array.isArray(b) && names.length === Object.keys(b).length
      && names.every(name => name in b && same(a[name], b[name]));
  }

  class Model {
    listeners = [];
    constructor(values) { this.values = values; }
    get(name) { return this.values[name]; }
    set(name, value) {
      const given = typeof name === "string" ? {[name]: value} : name;
      const changed = Object.keys(given).filter(key => !same(given[key], this.values[key]));
      Object.assign(this.values, given);
      for (const key of changed) this.tell(`change:${key}`, this.values[key]);
      if (changed.length) this.tell("change");
    }
    tell(event, ...words) {
      for (const [name, listener] of [...this.listeners]) if (name === event) listener(...words);
    }
    on(events, listener) {
      for (const event of events.split(" ")) this.listeners.push([event, listener]);
    }
    off(events, listener) {
      const ended = events?.split(" ");
      this.listeners = this.listeners.filter(([event, each]) =>
        ended && !(ended.includes(event) && (!listener || each === listener)));
    }
    save_changes() {} // there is no kernel to save them in
    send() {}
  }

  window.livePictures = {put(name, what) { arrived[name] = what; }, Model};

  // A picture comes to life in its place; if anything fails, its still picture stays.
  async function bringToLife(place) {
    const {cell, widget} = place.dataset, el = document.createElement("div");
    try {
      const [module, state] = await Promise.all([importModule(widget), load(cell).then(revive)]);
      const model = new Model(state);
      if (state.record) (await importModule("replay")).addReplay(model, el);
      await module.default.render({model, el});
    } catch (error) {
      console.error(`The live picture ${cell} stays still.`, error);
      return;
    }
    place.append(el);
    place.classList.add("alive");
  }

  document.addEventListener("DOMContentLoaded", () => {
    const watch = new IntersectionObserver(entries => {
      for (const {isIntersecting, target} of entries) {
        if (!isIntersecting) continue;
        watch.unobserve(target);
        bringToLife(target);
      }
    }, {rootMargin: NEAR});
    for (const place of document.querySelectorAll("[data-cell]")) watch.observe(place);
  });
})();
