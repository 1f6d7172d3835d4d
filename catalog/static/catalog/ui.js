// Comfort, never necessity: every page reads, searches and submits without this module.

const root = document.documentElement;
const isTyping = (el) => el.closest("input, textarea, select, [contenteditable]");

// Theme. The cookie lets the server write data-theme into the next page, so nothing flashes.
document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
  const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : systemDark;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});

// Dialogs: <button data-opens="id">, <button data-closes>. Copying: <button data-copies="text">.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) { const dialog = closer.closest("dialog"); if (dialog) dialog.close(); else closer.closest(".toast")?.remove(); }
  const copier = event.target.closest("[data-copies]");
  if (copier) navigator.clipboard?.writeText(copier.dataset.copies).then(() => say("Copied."));
});

function say(text) {
  const toasts = document.querySelector(".toasts");
  if (!toasts) return;
  const toast = Object.assign(document.createElement("p"), { className: "toast", textContent: text });
  toasts.append(toast);
  setTimeout(() => toast.remove(), 4000);
}
// Toasts that the server wrote go after a while, unless somebody is at them.
for (const toast of document.querySelectorAll(".toasts .toast")) {
  const leave = () => { if (toast.matches(":hover, :focus-within")) setTimeout(leave, 4000); else toast.remove(); };
  setTimeout(leave, 9000);
}

// On a narrow screen the tab that is open may lie beyond the edge.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const row = tab.closest(".tabs");
  if (tab.offsetLeft + tab.offsetWidth > row.scrollLeft + row.clientWidth) row.scrollLeft = tab.offsetLeft - 24;
}

// A confirmation that has to be typed enables its button only on an exact match.
for (const input of document.querySelectorAll("[data-must-equal]")) {
  const button = input.form?.querySelector("[data-confirms]");
  const check = () => { if (button) button.disabled = input.value !== input.dataset.mustEqual; };
  input.addEventListener("input", check);
  check();
}

// A select or checkbox that sends its form when it changes.
for (const control of document.querySelectorAll("[data-submits]")) {
  control.addEventListener("change", () => control.form?.requestSubmit());
}

// Choosing a kind, by the control that data-kinds names, shows what is asked of that kind.
for (const form of document.querySelectorAll("[data-kinds]")) {
  const show = () => {
    const chosen = new FormData(form).get(form.dataset.kinds);
    for (const part of form.querySelectorAll("[data-kind]")) {
      part.hidden = !part.dataset.kind.split(" ").includes(chosen);
      for (const input of part.querySelectorAll("input, textarea")) input.disabled = part.hidden;
    }
  };
  form.addEventListener("change", show);
  show();
}

// Palette: its list is the server's answer to what is typed.
const palette = document.getElementById("palette");
const box = palette?.querySelector("input");
const list = palette?.querySelector("[role=listbox]");
const options = () => [...(list?.querySelectorAll("[role=option]") ?? [])];
function select(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (option) box.setAttribute("aria-activedescendant", option.id); else box?.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}
let asked = 0;
async function fill() {
  const mine = ++asked;
  const answer = await fetch(`/palette?q=${encodeURIComponent(box.value)}`, { headers: { "HX-Request": "true" } });
  if (mine !== asked || !answer.ok) return;
  list.innerHTML = await answer.text();
  select(options()[0]);
}
let pause;
box?.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(fill, 80); });
box?.addEventListener("keydown", (event) => {
  const shown = options();
  const at = shown.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && shown.length) { event.preventDefault(); select(shown[(at + step + shown.length) % shown.length]); }
  if (event.key === "Enter" && shown[at]) { event.preventDefault(); location.href = shown[at].dataset.href; }
});
list?.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) location.href = option.dataset.href;
});
function openPalette() { if (palette && !palette.open) { palette.showModal(); fill(); } }
document.querySelector("[data-opens=palette]")?.addEventListener("click", fill);

// Keys: / search, Ctrl-K palette, j and k walk the results.
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog:modal")) return;
  if (event.key === "/") {
    event.preventDefault();
    [...document.querySelectorAll("[data-search] input")].find((input) => input.offsetParent)?.focus();
  }
  const step = { j: 1, k: -1 }[event.key];
  const results = [...document.querySelectorAll(".result h2 a")];
  if (step && results.length) {
    const at = results.indexOf(document.activeElement?.closest(".result")?.querySelector("h2 a"));
    results[Math.max(0, Math.min(results.length - 1, at + step))].focus();
  }
});

// A drawer opened by its address takes the focus; Escape closes it by leaving the address.
const openDrawer = () => document.querySelector(".drawer:target");
addEventListener("hashchange", () => openDrawer()?.focus());
document.addEventListener("keydown", (event) => { if (event.key === "Escape") openDrawer()?.querySelector("[data-drawer-close]")?.click(); });

// A tab that could not be fetched as a part (the session has ended, the dataset has another name) is opened as a page.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { boosted, xhr, pathInfo } = event.detail;
  if (boosted && !xhr.responseText.includes('id="panel"')) {
    event.preventDefault();
    location.href = pathInfo.requestPath;
  }
});
document.addEventListener("htmx:sendError", (event) => { location.href = event.detail.pathInfo.requestPath; });
