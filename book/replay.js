// Plays a kept training back to its monitor, in Python's place: the same reports, only sooner. At
// first the monitor shows how it ended, as its still picture does.
const SECONDS = 30; // of a whole training, played back

export function addReplay(model, el) {
  const {losses, reports, ...origin} = model.get("record");
  const heard = reports.map(({losses: count, ...report}) => count === undefined ? report
    : {...report, losses: new DataView(losses.buffer, losses.byteOffset, 4 * count)});
  const end = Object.assign({}, ...heard);
  const start = Object.fromEntries(Object.keys(end).map(name => [name, model.get(name)]));
  let next = heard.length, timer;

  function run() {
    clearInterval(timer);
    timer = setInterval(() => {
      if (next === heard.length) clearInterval(timer);
      else model.set(heard[next++]);
    }, 1000 * SECONDS / heard.length);
  }
  function hold(state) {
    clearInterval(timer);
    model.set({state});
  }
  function playFromStart() {
    next = 0;
    model.set({...start, state: "running"});
    run();
  }

  // What the monitor's own buttons ask of Python.
  const presses = {
    pause: () => hold("paused"), stop: () => hold("stopped"),
    resume() { model.set({state: "running"}); run(); },
  };
  model.send = ({press}) => presses[press]();
  model.set(end);
  el.append(introduction(origin, end.progress.seconds, playFromStart));
}

function introduction({date, device, threads}, seconds, onPlay) {
  const line = document.createElement("p"), button = document.createElement("button");
  const minutes = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  line.textContent = `This is a record, for a page cannot train: the run of ${date} on ${device}, `
    + `${threads} ${threads === 1 ? "thread" : "threads"}, which took ${minutes} minutes. `
    + `Here it plays in ${SECONDS} seconds. `;
  Object.assign(button, {type: "button", textContent: "play it from the start", onclick: onPlay});
  line.append(button);
  return line;
}
