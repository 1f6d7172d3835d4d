// GraphiQL over the door that the page stands at. It follows the page's theme.

const place = document.getElementById("explorer");
const theme = () => document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

const { GraphiQL, createElement, createRoot } = await import(place.dataset.graphiql);

async function fetcher(params) {
  const answer = await fetch(place.dataset.door, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": place.dataset.csrf },
    body: JSON.stringify(params),
  });
  return answer.json();
}

const react = createRoot(place);
const show = () => react.render(createElement(GraphiQL, {
  fetcher,
  forcedTheme: theme(),
  defaultEditorToolsVisibility: "variables",
  isHeadersEditorEnabled: false,
  defaultQuery: document.getElementById("question").textContent,
}));
show();

// Its editors have no names of their own, and what scrolls in them cannot be reached by keyboard.
const NAMES = { ".graphiql-query-editor": "Query", ".graphiql-editor-tool": "Variables", ".result-window": "Result" };
new MutationObserver(() => {
  for (const [part, name] of Object.entries(NAMES)) {
    for (const area of place.querySelectorAll(`${part} .CodeMirror textarea:not([aria-label])`)) area.setAttribute("aria-label", name);
    for (const box of place.querySelectorAll(`${part} .CodeMirror-scroll[tabindex="-1"]`)) box.tabIndex = 0;
  }
}).observe(place, { childList: true, subtree: true });
new MutationObserver(show).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
