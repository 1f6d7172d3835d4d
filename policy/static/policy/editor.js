// The text of a rule in CodeMirror: numbered lines, colours, what it may ask of, and what is wrong while it is written.
// Without it, or where it cannot be loaded, the textarea stays; it holds the text in any case, and its form sends it.

const area = document.querySelector("textarea[data-editor]");
const PAUSE = 400; // ms after the last key until the text is looked at

const WORDS = ["policy", "title", "description", "resource", "severity", "scope", "when", "assert", "message", "examples", "pass", "fail"];
const VALUES = { resource: ["dataset", "column"], severity: ["info", "low", "medium", "high", "critical"] };

async function edit() {
  const cm = await import(area.dataset.editor);
  const { EditorState, EditorView } = cm;
  const facts = JSON.parse(document.getElementById("facts").textContent);

  function complete(context) {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const chosen = /^(\w+):\s*(\w*)$/.exec(before);
    if (chosen && VALUES[chosen[1]]) {
      return { from: context.pos - chosen[2].length, options: VALUES[chosen[1]].map((label) => ({ label, type: "constant" })) };
    }
    const word = context.matchBefore(/[\w.]+/);
    if (!word && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    const key = /^\s*\w*$/.test(before) ? WORDS.map((label) => ({ label, type: "keyword", apply: `${label}: ` })) : [];
    return { from, options: [...key, ...facts.map((fact) => ({ label: fact.name, type: "variable", detail: fact.type, info: fact.help }))], validFor: /^[\w.]*$/ };
  }

  let pause;
  let asked = 0;
  const view = new EditorView({
    parent: area.parentElement,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        EditorView.cspNonce.of(document.querySelector("script[data-editor]").nonce),
        EditorView.contentAttributes.of({ "aria-label": "Text of the rule", "aria-describedby": "lint", id: "rule-text" }),
        EditorState.readOnly.of(area.readOnly),
        EditorState.tabSize.of(2),
        cm.lineNumbers(), cm.lintGutter(), cm.history(), cm.drawSelection(), cm.highlightActiveLine(), cm.indentOnInput(), cm.bracketMatching(),
        cm.highlightSelectionMatches(), cm.yaml(), cm.syntaxHighlighting(colours(cm)), cm.autocompletion({ override: [complete] }),
        cm.keymap.of([...cm.defaultKeymap, ...cm.historyKeymap, ...cm.searchKeymap, ...cm.completionKeymap]),
        EditorView.lineWrapping,
        EditorView.theme(LOOKS),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          clearTimeout(pause);
          pause = setTimeout(look, PAUSE);
        }),
      ],
    }),
  });
  area.parentElement.insertBefore(view.dom, area);
  area.hidden = true;
  look();

  async function look() {
    const mine = ++asked;
    const answer = await fetch("/v1/policy-checks", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": area.form.elements.csrfmiddlewaretoken.value },
      body: JSON.stringify({ text: area.value }),
    }).catch(() => null);
    if (mine !== asked || !answer?.ok) return; // it is looked at again when it is saved
    const found = await answer.json();
    const wrong = found.problem ? [{ line: found.line, reason: found.problem, tone: "fail" }] : found.surprises.map((one) => ({ ...one, tone: "warn" }));
    view.dispatch(cm.setDiagnostics(view.state, wrong.map((one) => place(view.state.doc, one))));
    tell(wrong);
  }
}

function place(doc, { line, reason, tone }) {
  const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines));
  return { from, to, severity: tone === "fail" ? "error" : "warning", message: reason };
}

// The list below says the same, for whoever does not see the marks.
function tell(wrong) {
  const list = document.getElementById("lint");
  const lines = wrong.map(({ line, reason, tone }) => item(list, tone, `Line ${line}: ${reason}`));
  list.replaceChildren(...(lines.length ? lines : [item(list, "ok", "Nothing is wrong with it, and its examples come out as they say.")]));
}

function item(list, tone, text) {
  const li = Object.assign(document.createElement("li"), { className: "item" });
  const mark = Object.assign(document.createElement("span"), { className: `tone-${tone}` });
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${list.dataset.icons}#${tone}`);
  icon.append(use);
  mark.append(icon);
  li.append(mark, Object.assign(document.createElement("div"), { textContent: text }), document.createElement("span"));
  return li;
}

const colours = ({ HighlightStyle, tags }) => HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.keyword], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-comment)" },
]);

const LOOKS = {
  "&": { backgroundColor: "transparent", color: "var(--ink)", fontSize: "var(--text-sm)" },
  "&.cm-focused": { outline: "var(--focus-width) solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6", minHeight: "18rem" },
  ".cm-content": { padding: "var(--s-4) 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-3)", border: "0", fontSize: "var(--text-xs)" },
  ".cm-activeLine": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-selectionMatch": { backgroundColor: "var(--sunken)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-strong)", borderRadius: "var(--r-2)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--ink-3)" },
  ".cm-diagnostic": { whiteSpace: "pre-wrap" },
};

if (area) edit();
