// What is wider than its place scrolls within itself, and is a stop of the tab key, so that arrow
// keys can scroll it. What fits is passed by.
document.addEventListener("DOMContentLoaded", () => {
  const mark = element => {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  };
  const watch = new ResizeObserver(entries => entries.forEach(({target}) => mark(target)));
  const all = document.querySelectorAll("pre, .cell_output, .table-wrapper, div.math");
  for (const element of all) watch.observe(element);
  document.fonts.ready.then(() => all.forEach(mark)); // formulae change their width, not their place's
});
