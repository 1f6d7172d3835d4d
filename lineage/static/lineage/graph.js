// The lineage graph on a canvas by cytoscape: zoom, drag, what a box is linked with, and what lies behind it on demand.
// The drawing in the page is its first paint, its print, and what stays where this cannot run; both show the same places.

// Sizes are the drawing's own, and come with it.
let BOX, HEAD, ROW, OUT;
const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Colours of the page as it is now: a canvas knows no variables, and light-dark() needs an element to be one of the two.
let palette = {};
function colour(name) {
  return (palette[name] ??= computed(name));
}

function computed(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const text = (value) => value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

async function glyphs(address) {
  const sheet = new DOMParser().parseFromString(await (await fetch(address)).text(), "image/svg+xml");
  return Object.fromEntries([...sheet.querySelectorAll("symbol")].map((symbol) => [symbol.id, symbol]));
}

class Canvas {
  constructor(frame, cytoscape, icons) {
    this.frame = frame;
    this.icons = icons;
    this.place = Object.assign(document.createElement("div"), { className: "graph-canvas" });
    frame.append(this.place);
    // The library would write a style sheet into the page, which the page does not allow, unless one of this name is there.
    document.head.append(Object.assign(document.createElement("template"), { id: "__________cytoscape_stylesheet" }));
    this.cy = cytoscape({ container: this.place, layout: { name: "preset" }, minZoom: 0.15, maxZoom: 2.5, boxSelectionEnabled: false });
    this.cy.on("tap", "node", ({ target }) => this.tap(target));
    this.cy.on("mouseover", "node", ({ target }) => this.over(target));
    this.cy.on("mouseout", "node", () => this.out());
    this.cy.on("drag", "node.box", ({ target }) => this.moved(target));
    this.tools();
  }

  tools() {
    const bar = Object.assign(document.createElement("div"), { className: "graph-tools", role: "group" });
    bar.setAttribute("aria-label", "View of the graph");
    const middle = () => ({ x: this.cy.width() / 2, y: this.cy.height() / 2 });
    const zoom = (by) => this.cy.zoom({ level: this.cy.zoom() * by, renderedPosition: middle() });
    for (const [sign, told, act] of [["+", "Zoom in", () => zoom(1.25)], ["−", "Zoom out", () => zoom(0.8)], ["Fit", "Show all of it", () => this.fit()]]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: sign });
      button.setAttribute("aria-label", sign === "Fit" ? "Fit: show all of it" : told);
      button.addEventListener("click", act);
      bar.append(button);
    }
    this.frame.append(bar);
    this.frame.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (event.target !== this.frame || (!step && !"+-0".includes(event.key))) return;
      event.preventDefault();
      if (step) this.cy.panBy({ x: step[0], y: step[1] });
      else if (event.key === "0") this.fit();
      else zoom(event.key === "+" ? 1.25 : 0.8);
    });
  }

  fit() {
    this.cy.fit(undefined, 24);
    if (this.cy.zoom() > 1) { this.cy.zoom(1); this.cy.center(); }
  }

  // Everything that the drawing says, as elements. What was there already moves to its new place.
  show(drawing) {
    this.frame.ariaBusy = "true";
    palette = {};
    ({ box: BOX, head: HEAD, row: ROW, out: OUT } = drawing.sizes);
    const was = Object.fromEntries(this.cy.nodes().map((node) => [node.id(), { ...node.position() }]));
    const elements = [];
    const boxes = Object.fromEntries(drawing.boxes.map((item) => [item.box.id, item]));
    for (const item of drawing.boxes) {
      const { box } = item;
      const middle = { x: box.x + BOX / 2, y: box.y + box.height / 2 };
      elements.push(node(`box-${box.id}`, "box", middle, { ...item, height: box.height, image: this.card(item) }, box.distance === 0 ? "start" : ""));
      for (const row of box.rows) {
        const at = { x: middle.x, y: row.y + ROW / 2 };
        elements.push(node(`row-${box.id}/${row.name}`, "row", at, { of: box.id, href: item.column_href + encodeURIComponent(row.name), title: row.name, image: this.row(row) }, row.is_traced ? "hit" : ""));
      }
      if (box.is_frontier || box.is_opened) {
        const at = { x: box.distance < 0 ? box.x - 21 : box.x + BOX + 21, y: box.y + HEAD / 2 };
        elements.push(node(`more-${box.id}`, "more", at, { of: box.id, opens: item.toggle, sign: box.is_opened ? "−" : "+", title: `Show ${box.is_opened ? "less" : "more"} behind ${item.title}` }));
      }
    }
    const marks = Object.fromEntries(drawing.marks.map((mark) => [mark.link, mark]));
    for (const line of drawing.lines) {
      const id = `line-${line.ends.join(">")}-${line.columns.join(">")}`;
      const [first, last] = line.ends.map((end) => boxes[end].box);
      const data = { id, source: `box-${first.id}`, target: `box-${last.id}`, out: this.exit(first, line.columns[0]), in: this.exit(last, line.columns[1]) };
      elements.push({ group: "edges", data, classes: `line ${line.is_traced ? "on" : ""} ${line.is_restricted ? "restricted" : ""}`, selectable: false });
      const mark = marks[line.link];
      if (mark) elements.push(node(`job-${id}`, "job", { x: mark.x, y: mark.y }, { on: id, href: mark.href, title: mark.title }));
    }
    this.cy.batch(() => {
      this.cy.elements().remove();
      this.cy.add(elements);
      this.cy.edges().forEach((edge) => this.bend(edge));
    });
    this.look();
    const bottom = Math.max(...drawing.boxes.map(({ box }) => box.y + box.height));
    const top = Math.min(...drawing.boxes.map(({ box }) => box.y));
    this.frame.style.height = `clamp(14rem, ${bottom - top + 96}px, max(24rem, 60vh))`;
    this.cy.resize();
    this.slide(was);
  }

  slide(was) {
    const nodes = this.cy.nodes();
    if (!Object.keys(was).length || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.fit();
      // Where all of it would be too small to read, as on a phone, it begins at what it is of.
      if (this.cy.zoom() < 0.5) this.cy.zoom(0.8).center(this.cy.nodes(".start"));
      this.frame.ariaBusy = "false";
      return;
    }
    nodes.forEach((each) => {
      const to = { ...each.position() };
      if (was[each.id()]) { each.position(was[each.id()]); each.animate({ position: to }, { duration: 220 }); }
    });
    setTimeout(() => {
      this.cy.edges().forEach((edge) => this.bend(edge));
      this.cy.animate({ fit: { eles: this.cy.elements(), padding: 24 } }, { duration: 220, complete: () => { this.frame.ariaBusy = "false"; } });
    }, 260);
  }

  exit(box, column) {
    const row = column && box.rows.find((each) => each.name === column);
    return (row ? row.y + ROW / 2 : box.y + HEAD / 2) - (box.y + box.height / 2);
  }

  // A curve that leaves to the right and comes in from the left, as control points beside the straight way.
  bend(edge) {
    const from = edge.source().position(), to = edge.target().position();
    const a = { x: from.x + BOX / 2, y: from.y + edge.data("out") }, b = { x: to.x - BOX / 2, y: to.y + edge.data("in") };
    const reach = b.x > a.x ? (b.x - a.x) / 2 : OUT;
    const long = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const beside = (point) => {
      const x = point.x - a.x, y = point.y - a.y, ux = (b.x - a.x) / long, uy = (b.y - a.y) / long;
      return [(x * ux + y * uy) / long, x * -uy + y * ux];
    };
    const [[w1, d1], [w2, d2]] = [beside({ x: a.x + reach, y: a.y }), beside({ x: b.x - reach, y: b.y })];
    edge.style({
      "source-endpoint": `${BOX / 2}px ${edge.data("out")}px`, "target-endpoint": `${-BOX / 2}px ${edge.data("in")}px`,
      "control-point-weights": `${w1} ${w2}`, "control-point-distances": `${d1} ${d2}`,
    });
  }

  // What belongs to a box goes with it.
  moved(box) {
    const { x, y } = box.position(), { box: its } = box.data();
    const by = { x: x - (its.x + BOX / 2), y: y - (its.y + its.height / 2) };
    its.x += by.x;
    its.y += by.y;
    this.cy.nodes().filter((each) => each.data("of") === its.id).shift(by);
    box.connectedEdges().forEach((edge) => {
      this.bend(edge);
      const job = this.cy.getElementById(`job-${edge.id()}`);
      if (job.length) job.position(edge.midpoint());
    });
  }

  async tap(target) {
    const { opens, href } = target.data();
    if (opens) await follow(opens);
    else if (href) location.href = href;
  }

  over(target) {
    this.place.title = target.data("title");
    this.place.style.cursor = "pointer";
    if (!target.hasClass("box")) return;
    const near = target.union(target.predecessors()).union(target.successors());
    const ids = new Set(near.nodes().map((each) => each.data("box").id));
    this.cy.elements().filter((each) => !near.contains(each) && !ids.has(each.data("of")) && !near.contains(this.cy.getElementById(each.data("on") ?? ""))).addClass("far");
  }

  out() {
    this.place.title = "";
    this.place.style.cursor = "";
    this.cy.elements().removeClass("far");
  }

  picture(width, height, inside) {
    return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="${width * 2}" height="${height * 2}" viewBox="0 0 ${width} ${height}">${inside}</svg>`)}`;
  }

  card({ box, glyph, sub }) {
    const symbol = this.icons[glyph];
    const icon = symbol ? `<svg x="13" y="15" width="16" height="16" viewBox="${symbol.getAttribute("viewBox") ?? "0 0 16 16"}" fill="none" stroke="${colour("--on-platform")}" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round">${symbol.innerHTML}</svg>` : "";
    const more = box.left_out ? `<text x="40" y="${box.height - 8}" font-size="11" fill="${colour("--ink-3")}">+${box.left_out} ${box.left_out === 1 ? "column" : "columns"}</text>` : "";
    const tile = colour(glyph === "restricted" || glyph === "job" ? "--platform-job" : `--platform-${glyph}`);
    return this.picture(BOX, box.height, `<rect x="10" y="12" width="22" height="22" rx="4" fill="${tile}"/>${icon}
      <text x="40" y="20" font-family="${text(paint("--font-mono"))}" font-size="12.5" font-weight="600" fill="${colour("--ink")}">${text(box.shown)}</text>
      <g font-family="${text(paint("--font-sans"))}"><text x="40" y="36" font-size="11" fill="${colour("--ink-3")}">${text(sub)}</text>${more}</g>`);
  }

  row({ shown, is_traced }) {
    return this.picture(200, ROW, `<text x="34" y="15" font-family="${text(paint("--font-mono"))}" font-size="12" font-weight="${is_traced ? 650 : 400}" fill="${colour(is_traced ? "--accent" : "--ink-2")}">${text(shown)}</text>`);
  }

  look() {
    const [surface, line, strong, accent, soft, ground, ink] = ["--surface", "--line", "--line-strong", "--accent", "--accent-soft", "--ground", "--ink-2"].map(colour);
    this.cy.style([
      { selector: "node", style: { "overlay-opacity": 0 } },
      { selector: ".box", style: { shape: "round-rectangle", "corner-radius": 8, width: BOX, height: "data(height)", "background-color": surface, "border-width": 1, "border-color": strong, "background-image": "data(image)", "background-fit": "contain", "background-image-containment": "over", "z-index": 2 } },
      { selector: ".box.start", style: { "border-color": accent, "border-width": 2 } },
      { selector: ".row", style: { shape: "round-rectangle", "corner-radius": 4, width: 200, height: ROW, "background-opacity": 0, "background-image": "data(image)", "background-fit": "contain", "z-index": 3 } },
      { selector: ".row.hit", style: { "background-color": soft, "background-opacity": 1 } },
      { selector: ".more", style: { shape: "round-rectangle", "corner-radius": 11, width: 34, height: 22, "background-color": ground, "border-width": 1, "border-color": strong, label: "data(sign)", "text-valign": "center", "font-size": 13, "font-weight": 600, color: ink, "z-index": 3 } },
      { selector: ".job", style: { width: 12, height: 12, "background-color": surface, "border-width": 1, "border-color": strong, "z-index": 1 } },
      { selector: ".line", style: { "curve-style": "unbundled-bezier", "edge-distances": "endpoints", width: 1.25, "line-color": strong, opacity: 0.85, "z-index": 0 } },
      { selector: ".line.on", style: { width: 2, "line-color": accent, opacity: 1 } },
      { selector: ".line.restricted", style: { "line-style": "dashed", "line-dash-pattern": [4, 3] } },
      { selector: ".far", style: { opacity: 0.2 } },
      { selector: "core", style: { "active-bg-opacity": 0, "selection-box-color": line } },
    ]);
  }
}

const node = (id, kind, position, data, more = "") => ({ group: "nodes", data: { id, ...data }, position, classes: `${kind} ${more}`, grabbable: kind === "box", selectable: false });

let canvas;
async function start() {
  const frame = document.querySelector(".graph-frame[data-drawing]");
  if (!frame) return;
  const [{ default: cytoscape }, icons] = await Promise.all([import(frame.dataset.cytoscape), glyphs(frame.dataset.icons)]);
  frame.classList.add("live");
  canvas = new Canvas(frame, cytoscape, icons);
  canvas.show(JSON.parse(frame.dataset.drawing));
  const anew = () => canvas.show(JSON.parse(frame.dataset.drawing));
  new MutationObserver(anew).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
  addEventListener("popstate", () => follow(location.href, false));
}

// Another state of the same page: its graph, its table and its words take the place of those that are here.
async function follow(address, isNew = true) {
  const answer = await fetch(address).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const other = page?.querySelector(".graph-frame[data-drawing]");
  const here = document.querySelector(".graph-frame[data-drawing]");
  if (!other || !here) { location.href = address; return; }
  if (isNew) history.pushState(null, "", address);
  here.dataset.drawing = other.dataset.drawing;
  here.querySelector("svg.graph").replaceWith(other.querySelector("svg.graph"));
  for (const part of document.querySelectorAll("[data-with-graph]")) {
    const twin = page.querySelector(`[data-with-graph="${part.dataset.withGraph}"]`);
    if (twin) part.replaceWith(twin);
  }
  canvas.show(JSON.parse(here.dataset.drawing));
}

start();
