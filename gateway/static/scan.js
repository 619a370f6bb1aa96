// The pages of a paper form beside the fields: turned and cut before they are sent; what is kept is shown as the server's pictures of it.
// Without this they are sent as they are.

for (const holder of document.querySelectorAll("[data-scan]")) begin(holder);

function begin(holder) {
  const field = document.querySelector("#files");
  const list = document.querySelector("[data-kept-files]");
  const say = holder.dataset;
  const shownFiles = new Set();
  let pages = [];
  let goesOn = false;
  let making = 0; // pages that are still being opened, or of which the picture that is sent is still being made
  let isDue = false; // they are to be kept as soon as all are made
  if (!field || !list) return;

  const keepAll = make("button", { type: "button", className: "govuk-button", textContent: say.sayKeep, hidden: true });
  const chosen = make("div", { className: "sk-scan__new" });
  const kept = make("div", { className: "sk-scan__kept" });
  const waiting = make("p", { className: "sk-quiet", textContent: say.sayMaking });
  waiting.setAttribute("role", "status");
  const said = make("p", { className: "govuk-body" });
  said.setAttribute("role", "status");
  holder.append(chosen, keepAll, said, kept);

  // one field for all: what is chosen there is shown first, and goes on to what sends files when it is as it should be
  field.parentElement.addEventListener("change", (event) => {
    if (event.target !== field || goesOn) return;
    event.stopPropagation();
    const files = [...field.files];
    field.value = "";
    take(files);
  }, true);
  keepAll.addEventListener("click", send);
  field.form.addEventListener("submit", (event) => {
    if (!pages.length && !making) return;
    event.preventDefault(); // pages that are not kept yet would be left behind: they are kept now
    event.stopImmediatePropagation();
    said.textContent = say.sayFirst;
    said.scrollIntoView({ block: "center" });
    isDue = true;
    goOn();
  }, true);
  new MutationObserver(showKept).observe(list, { childList: true });
  showKept();

  /** Show what was chosen, below what was chosen before. */
  async function take(files) {
    making += files.length;
    const added = await Promise.all(files.map(opened));
    making -= files.length;
    pages.push(...added);
    chosen.append(...added.map(shown));
    named();
    if (pages.every((page) => !page.bitmap)) isDue = true; // nothing of it can be turned here
    goOn();
  }

  /** Keep the pages if that is due and all are made. */
  function goOn() {
    keepAll.disabled = making > 0;
    if (isDue && !making && pages.length) send();
  }

  /** Say of each page which it is: one may have been taken off. */
  function named() {
    pages.forEach((page, number) => page.figure.setAttribute("aria-label", say.sayPage.replace("{number}", number + 1)));
    keepAll.hidden = pages.length === 0;
  }

  /** Hand the pages, as they are now, to the field that carries files. */
  function send() {
    const all = new DataTransfer();
    for (const page of pages) all.items.add(page.sent);
    pages = [];
    isDue = false;
    chosen.replaceChildren();
    keepAll.hidden = true;
    field.files = all.files;
    goesOn = true;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    goesOn = false;
  }

  async function opened(file) {
    const page = { file, sent: file, bitmap: null, turn: 0, cut: [0, 0, 0, 0], changes: 0 };
    try {
      page.bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      // no picture, or none that this browser reads: it is sent as it is
    }
    return page;
  }

  function showKept() {
    for (const { value } of list.querySelectorAll("input[name=file_ids]")) {
      if (shownFiles.has(value)) continue;
      said.textContent = "";
      showPage(value, 1, 40);
      shownFiles.add(value);
    }
  }

  /** Show a page of a kept file, and the next one after it; its pictures are made a moment after it is kept, on a busy machine minutes. */
  function showPage(id, number, tries) {
    if (number === 1 && !waiting.isConnected) kept.append(waiting);
    const picture = make("img", { alt: say.sayPage.replace("{number}", number) });
    picture.addEventListener("load", () => {
      waiting.remove();
      kept.append(picture);
      showPage(id, number + 1, 0);
    });
    picture.addEventListener("error", () => {
      if (tries > 0) setTimeout(() => showPage(id, number, tries - 1), 1500 + 125 * (40 - tries));
      else if (number === 1) waiting.remove();
    });
    picture.src = `${say.scan.replace(/[^/]+$/, id)}/pages/${number}?try=${tries}`;
  }

  /** Return a page as it is shown before it is kept: what can be turned and cut here as a picture, anything else by its name. */
  function shown(page) {
    const row = make("div", { className: "bm-bar" });
    const button = (words, does) => {
      const made = make("button", { type: "button", className: "bm-tab", textContent: words });
      made.addEventListener("click", does);
      row.append(made);
    };
    page.figure = make("figure", {});
    if (page.bitmap) page.figure.append(turnable(page, button), row);
    else page.figure.append(make("p", { className: "govuk-body", textContent: page.file.name }), row);
    button(field.dataset.sayOff, () => {
      pages = pages.filter((other) => other !== page);
      page.figure.remove();
      named();
      (keepAll.hidden ? field : keepAll).focus();
    });
    return page.figure;
  }

  function turnable(page, button) {
    const canvas = make("canvas", {});
    const press = (words, does) =>
      button(words, () => {
        does();
        draw(page, canvas);
        keep(page, canvas);
      });
    press(say.sayTurn, () => {
      const [above, below, left, right] = page.cut;
      page.turn = (page.turn + 1) % 4;
      page.cut = [left, right, below, above];
    });
    say.sayCut.split("|").forEach((words, side) => press(words, () => (page.cut[side] = Math.min(0.45, page.cut[side] + 0.04))));
    press(say.sayWhole, () => (page.cut = [0, 0, 0, 0]));
    draw(page, canvas);
    return canvas;
  }

  function draw({ bitmap, turn, cut }, canvas) {
    const isOnSide = turn % 2 === 1;
    const [wide, high] = isOnSide ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
    const scale = Math.min(1, 2400 / Math.max(wide, high));
    const [above, below, left, right] = cut;
    canvas.width = Math.round(wide * scale * (1 - left - right));
    canvas.height = Math.round(high * scale * (1 - above - below));
    const context = canvas.getContext("2d");
    context.translate(wide * scale * (0.5 - left), high * scale * (0.5 - above));
    context.rotate((turn * Math.PI) / 2);
    context.scale(scale, scale);
    context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2);
  }

  /** Make of a page, as it is shown now, what is sent; nothing is sent before that is done, and never an earlier state of it. */
  function keep(page, canvas) {
    page.sent = page.file;
    const change = (page.changes += 1);
    if (page.turn === 0 && page.cut.every((part) => part === 0)) return;
    making += 1;
    keepAll.disabled = true;
    canvas.toBlob(
      (blob) => {
        if (page.changes === change) page.sent = new File([blob], `${page.file.name.replace(/\.\w+$/, "")}.jpg`, { type: "image/jpeg" });
        making -= 1;
        goOn();
      },
      "image/jpeg",
      0.92,
    );
  }

  function make(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }
}
