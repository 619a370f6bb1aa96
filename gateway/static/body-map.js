// Marks are placed by a tap, and lines and areas drawn; the form beside the picture says the same, and works without any of this.

for (const form of document.querySelectorAll("form[data-body-map]")) begin(form);

function begin(form) {
  const canvas = form.querySelector(".bm-canvas");
  const svg = canvas.querySelector("svg");
  const drawn = svg.querySelector("[data-drawn]");
  const skins = [...svg.querySelectorAll("[data-skin]")];
  const said = form.querySelector("[data-map-said]");
  const field = (name) => form.querySelector(`[name=${name}]`);
  const { points: pointsField, placed_as: placedAs } = form.elements;
  const place = field("place");
  const fewest = { point: 1, line: 2, area: 3 };
  const steps = []; // what was drawn before each touch, for Undo before it is kept
  let points = read();
  let stroke = null;

  for (const part of form.querySelectorAll("[data-tools]")) part.hidden = false;
  for (const tool of form.querySelectorAll("[name=form]")) tool.addEventListener("change", chosen);
  place.addEventListener("change", listed);
  look();
  chosen();

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("a")) return;
    stroke = { at: [event.clientX, event.clientY], was: points, moved: false };
    if (tool() !== "point") {
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
    }
  });
  svg.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const far = Math.hypot(event.clientX - stroke.at[0], event.clientY - stroke.at[1]);
    if (tool() === "point") {
      if (far > 10) stroke = null; // the page, or the enlarged picture, is being moved
      return;
    }
    if (!stroke.moved && far < 6) return;
    if (!stroke.moved) points = [where(stroke.at[0], stroke.at[1])];
    stroke.moved = true;
    const next = where(event.clientX, event.clientY);
    const last = points[points.length - 1];
    if (Math.hypot(next[0] - last[0], next[1] - last[1]) >= 7 && points.length < 80) points = [...points, next];
    show();
  });
  svg.addEventListener("pointercancel", () => {
    if (stroke) points = stroke.was;
    stroke = null;
    show();
  });
  svg.addEventListener("pointerup", (event) => {
    if (!stroke) return;
    const { was, moved } = stroke;
    stroke = null;
    if (!moved) {
      const point = where(event.clientX, event.clientY);
      const goesOn = tool() !== "point" && steps.length > 0 && points.length < 80;
      points = goesOn ? [...points, point] : [point];
    }
    if (!points.some(isOnBody)) {
      points = was;
      say(form.dataset.sayBeside);
      show();
      return;
    }
    steps.push(was);
    keep();
  });

  form.querySelector("[data-undo]").addEventListener("click", (event) => {
    if (!steps.length) return; // then the last thing that was kept is taken back
    event.preventDefault();
    points = steps.pop();
    keep();
  });
  for (const button of form.querySelectorAll("[data-zoom-by]")) {
    button.addEventListener("click", () => {
      const frame = canvas.parentElement;
      const [x, y] = [(frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth, (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight];
      canvas.dataset.zoom = Math.min(4, Math.max(1, Number(canvas.dataset.zoom) + Number(button.dataset.zoomBy)));
      frame.scrollTo(x * frame.scrollWidth - frame.clientWidth / 2, y * frame.scrollHeight - frame.clientHeight / 2);
    });
  }

  function tool() {
    return form.querySelector("[name=form]:checked")?.value ?? "point";
  }

  function chosen() {
    svg.classList.toggle("bm--drawing", tool() !== "point");
    if (tool() === "point" && points.length > 1) points = points.slice(0, 1);
    say({ line: form.dataset.sayLine, area: form.dataset.sayArea }[tool()] ?? "");
    show();
  }

  /** The place was chosen by its name: what was drawn no longer says where. */
  function listed() {
    if (place.value !== placedAs.value) points = [];
    steps.length = 0;
    write();
    look();
  }

  function keep() {
    const regions = points.map(regionAt).filter(Boolean);
    const count = (region) => regions.filter((other) => other === region).length;
    const best = regions.reduce((most, region) => (most && count(most) >= count(region) ? most : region), null);
    if (best) {
      place.value = best.dataset.region;
      say(best.dataset.name[0].toUpperCase() + best.dataset.name.slice(1));
    } else if (!points.length) place.value = "";
    write();
    look();
  }

  function write() {
    pointsField.value = points.length >= fewest[tool()] || tool() === "point" ? points.map((p) => p.join(",")).join(" ") : "";
    placedAs.value = points.length ? place.value : "";
  }

  function read() {
    return pointsField.value && placedAs.value === place.value ? pointsField.value.split(" ").map((pair) => pair.split(",").map(Number)) : [];
  }

  function look() {
    for (const region of svg.querySelectorAll(".bm-region")) region.classList.toggle("bm-region--chosen", !points.length && region.dataset.region === place.value);
    show();
  }

  function show() {
    drawn.replaceChildren();
    if (!points.length || !place.form) return;
    const make = (name, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      drawn.append(element);
    };
    const wide = svg.viewBox.baseVal.width;
    if (points.length > 1) make("path", { class: `bm-draw bm-draw--${tool()} bm-draw--new`, d: `M${points.map((p) => p.join(" ")).join("L")}${tool() === "area" ? "Z" : ""}`, "stroke-width": wide / 90, "stroke-linejoin": "round", "stroke-linecap": "round" });
    const [x, y] = points[points.length - 1];
    make("circle", { class: "bm-new", cx: x, cy: y, r: wide / (points.length > 1 ? 70 : 38), "stroke-width": wide / 130 });
  }

  function where(clientX, clientY) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
    const { width, height } = svg.viewBox.baseVal;
    return [Math.round(Math.min(Math.max(point.x, 0), width)), Math.round(Math.min(Math.max(point.y, 0), height))];
  }

  /** Whether a point is on the body, or a finger's breadth beside it. */
  function isOnBody([x, y]) {
    const near = 14;
    const around = [[0, 0], [near, 0], [-near, 0], [0, near], [0, -near], [10, 10], [-10, 10], [10, -10], [-10, -10]];
    return around.some(([dx, dy]) => skins.some((skin) => skin.isPointInFill(new DOMPoint(x + dx, y + dy))));
  }

  function regionAt([x, y]) {
    const at = new DOMPoint(x, y);
    return [...svg.querySelectorAll(".bm-region")].reverse().find((region) => region.isPointInFill(at)) ?? null;
  }

  function say(sentence) {
    said.textContent = sentence;
  }
}
