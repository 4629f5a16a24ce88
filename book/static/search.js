// What a result of the search shows of its page: words, rather than code and thrice-set formulae.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return; // of Sphinx; on the page of the search alone
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // it would fetch

  document.querySelector(".search-field input").value = new URLSearchParams(location.search).get("q");
  const none = "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.";
  Documentation.TRANSLATIONS[none] = "No page has all these words. Try fewer, or shorter ones.";

  // A page without its formulae (a short one stays, as it was typed), title line and perhaps code.
  function wordsOf(page, without) {
    const main = new DOMParser().parseFromString(page, "text/html");
    for (const formula of main.querySelectorAll(".katex")) {
      const typed = formula.querySelector("annotation")?.textContent ?? "";
      formula.replaceWith(formula.closest("div.math") || typed.length > 20 ? "…" : typed);
    }
    for (const element of main.querySelectorAll(without)) element.remove();
    return main.documentElement.outerHTML;
  }

  const summarise = Search.makeSearchSummary;
  Search.makeSearchSummary = (page, terms, anchor) => {
    const words = wordsOf(page, ".title-line, pre"), text = Search.htmlToText(words, anchor).toLowerCase();
    const found = [...terms].some(term => text.includes(term.toLowerCase()));
    return summarise(found ? words : wordsOf(page, ".title-line"), terms, anchor);
  };
});
