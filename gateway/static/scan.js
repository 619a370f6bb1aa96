// The pages of a paper form beside the fields: turned and cut before they are sent. Without this they are sent as they are.

for (const holder of document.querySelectorAll("[data-scan]")) begin(holder);

function begin(holder) {
  const input = document.querySelector("#files");
  const say = holder.dataset;
  let pages = [];
  if (!input) return;

  input.addEventListener("change", async () => {
    pages = await Promise.all([...input.files].map(opened));
    holder.querySelectorAll("[data-new]").forEach((page) => page.remove());
    pages.forEach((page, index) => page.bitmap && holder.append(shown(page, index)));
  });
  for (const kept of document.querySelectorAll("input[name=file_ids]")) showKept(kept.value);

  async function opened(file) {
    const page = { file, sent: file, bitmap: null, turn: 0, cut: [0, 0, 0, 0] };
    try {
      page.bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      // no picture, or none that this browser reads: it is sent as it is
    }
    return page;
  }

  async function showKept(id) {
    const answer = await fetch(say.scan.replace(/[^/]+$/, id)).catch(() => null);
    if (!answer?.ok || !(answer.headers.get("Content-Type") ?? "").startsWith("image/")) return;
    const page = await opened(await answer.blob());
    if (page.bitmap) holder.prepend(shown(page, null));
  }

  function shown(page, index) {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say.sayPage.replace("{number}", holder.children.length + 1));
    figure.append(canvas);
    const changed = () => {
      draw(page, canvas);
      if (index !== null) keep(page, canvas);
    };
    const press = (words, does) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "bm-tab";
      button.textContent = words;
      button.addEventListener("click", () => {
        does();
        changed();
      });
      row.append(button);
    };
    const row = document.createElement("div");
    row.className = "bm-bar";
    figure.append(row);
    press(say.sayTurn, () => {
      page.turn = (page.turn + 1) % 4;
      page.cut = turned(page.cut);
    });
    if (index !== null) {
      figure.dataset.new = "";
      say.sayCut.split("|").forEach((words, side) => press(words, () => (page.cut[side] = Math.min(0.45, page.cut[side] + 0.04))));
      press(say.sayWhole, () => (page.cut = [0, 0, 0, 0]));
    }
    draw(page, canvas);
    return figure;
  }

  /** What was cut off above, below, left and right, after a quarter turn clockwise. */
  function turned([above, below, left, right]) {
    return [left, right, below, above];
  }

  function draw({ bitmap, turn, cut }, canvas) {
    const onSide = turn % 2 === 1;
    const [wide, high] = onSide ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
    const scale = Math.min(1, 2400 / Math.max(wide, high));
    const [above, below, left, right] = cut;
    canvas.width = Math.round(wide * scale * (1 - left - right));
    canvas.height = Math.round(high * scale * (1 - above - below));
    const context = canvas.getContext("2d");
    context.translate(-wide * scale * left, -high * scale * above);
    context.translate((wide * scale) / 2, (high * scale) / 2);
    context.rotate((turn * Math.PI) / 2);
    context.scale(scale, scale);
    context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2);
  }

  function keep(page, canvas) {
    const isAsItWas = page.turn === 0 && page.cut.every((part) => part === 0);
    if (isAsItWas) {
      page.sent = page.file;
      give();
      return;
    }
    canvas.toBlob((blob) => {
      page.sent = new File([blob], page.file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" });
      give();
    }, "image/jpeg", 0.92);
  }

  function give() {
    const all = new DataTransfer();
    for (const page of pages) all.items.add(page.sent);
    input.files = all.files;
  }
}
