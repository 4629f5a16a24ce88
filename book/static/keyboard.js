// What the theme leaves to the mouse, for the keys: the two drawers of a narrow page are opened by
// Enter and Space, and what is wider than its place is a stop of the tab key, so that arrow keys
// scroll it. What fits is passed by.
document.addEventListener("DOMContentLoaded", () => {
  const names = {__navigation: "The notebooks", __toc: "On this page"};
  for (const icon of document.querySelectorAll(".nav-overlay-icon .icon, .toc-overlay-icon .icon")) {
    const box = document.getElementById(icon.parentElement.htmlFor);
    const tell = () => icon.setAttribute("aria-expanded", box.checked);
    icon.tabIndex = 0;
    icon.setAttribute("role", "button");
    icon.setAttribute("aria-label", names[box.id]);
    tell();
    box.addEventListener("change", tell);
    icon.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      box.click();
    });
  }

  const mark = element => {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  };
  const watch = new ResizeObserver(entries => entries.forEach(({target}) => mark(target)));
  const all = document.querySelectorAll("pre, .cell_output, .table-wrapper, .katex-display > .katex > .katex-html");
  for (const element of all) watch.observe(element);
  document.fonts.ready.then(() => all.forEach(mark)); // formulae change their width, not their place's
});
