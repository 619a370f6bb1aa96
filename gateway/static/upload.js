// Files go in parts as soon as they are chosen, with a bar that says how far; after a dropped connection from where they stopped.
// Without this the form carries them whole.

const PATIENCE = [1, 2, 4, 8, 15, 30, 30, 30, 30, 30]; // seconds between tries
const SOON = 2000, LONGEST = 64 * 1024 * 1024; // a part that is there within this time is followed by one twice as long, up to this many bytes

for (const field of document.querySelectorAll("input[type=file][data-upload]")) {
  const form = field.form;
  const list = field.closest("section").querySelector("[data-kept-files]");
  const bars = field.parentElement.querySelector("[data-uploads]");
  const said = field.parentElement.querySelector("[data-upload-said]");
  const button = field.closest("section").querySelector("[data-without-script]");
  if (button) button.hidden = true;
  let underWay = 0;

  field.addEventListener("change", async () => {
    const chosen = [...field.files];
    field.value = "";
    for (const file of chosen) {
      underWay += 1;
      await carry(file).catch(() => {});
      underWay -= 1;
    }
  });
  form.addEventListener("submit", (event) => {
    if (!underWay || event.submitter?.value === "upload") return;
    event.preventDefault(); // what is being sent would be left behind
    bars.querySelector("progress")?.scrollIntoView({ block: "center" });
    delete form.dataset.sent;
  });

  /** Send one file, showing how far it is; then list it, or say why it is not kept. */
  async function carry(file) {
    const row = document.createElement("div");
    row.className = "sk-upload";
    const words = document.createElement("p");
    words.className = "govuk-body";
    const bar = document.createElement("progress");
    bar.max = 100;
    bar.value = 0;
    row.append(words, bar);
    bars.append(row);
    const say = (sentence, percent = 0) => {
      words.textContent = sentence.replace("{name}", file.name).replace("{percent}", `${percent} %`);
      bar.setAttribute("aria-label", words.textContent);
      bar.value = percent;
    };
    say(field.dataset.saySending);
    const end = (sentence, failed) => {
      bar.remove();
      if (failed) {
        words.className = "govuk-error-message";
        words.textContent = sentence;
      } else row.remove();
      said.textContent = sentence;
    };
    let grows = true; // until something goes wrong: what stands between may let no long part pass
    let most = -1; // how far it ever was: only going further is a reason for new patience
    for (let tries = 0; ; tries += 1) {
      try {
        const kept = await send(file, grows, (sent) => {
          if (sent > most) [most, tries] = [sent, 0];
          say(field.dataset.saySending, Math.floor((100 * sent) / Math.max(file.size, 1)));
        }, () => say(field.dataset.sayLooking, 100));
        if (kept.sentence) return end(`${file.name}: ${kept.sentence}`, true);
        show(kept);
        return end(field.dataset.sayKept.replace("{name}", kept.name), false);
      } catch (error) {
        grows = false;
        if (error.final || tries >= PATIENCE.length) return end(field.dataset.sayFailed.replace("{name}", file.name), true);
        say(field.dataset.sayWaiting, Math.floor(bar.value));
        said.textContent = words.textContent;
        await new Promise((go) => {
          const timer = setTimeout(go, PATIENCE[tries] * 1000);
          window.addEventListener("online", () => { clearTimeout(timer); go(); }, { once: true });
        });
      }
    }
  }

  /** Begin, or go on from what has arrived; then have it looked at. Returns {id, name}, or {sentence} when it is refused. */
  async function send(file, grows, progress, looking) {
    const about = new FormData();
    about.set("thing_id", field.dataset.thing);
    about.set("name", file.name);
    about.set("size", String(file.size));
    about.set("mark", String(file.lastModified));
    about.set("csrf_token", form.elements.csrf_token.value);
    const begun = await asked(field.dataset.upload, { method: "POST", body: about });
    if (begun.sentence) return begun;
    let at = begun.arrived, length = begun.part;
    progress(at);
    while (!begun.finished && at < file.size) {
      const started = performance.now();
      at = await part(`${field.dataset.upload}/${begun.id}/part?at=${at}`, file.slice(at, at + length), begun.ticket, (sent) => progress(at + sent));
      if (grows && performance.now() - started < SOON) length = Math.min(2 * length, LONGEST);
      progress(at);
    }
    looking();
    const finished = await asked(`${field.dataset.upload}/${begun.id}/finish`, { method: "POST" });
    return finished;
  }

  async function asked(address, wanted) {
    const headers = { Accept: "application/json", "X-CSRF-Token": form.elements.csrf_token.value };
    const answer = await fetch(address, { ...wanted, headers });
    if (answer.status === 422) return answer.json();
    if (answer.redirected || (answer.status >= 400 && answer.status < 500 && answer.status !== 409)) throw Object.assign(new Error("refused"), { final: true });
    if (!answer.ok) throw new Error("not now");
    return answer.json();
  }

  /** Send a part; fetch does not say how far it is, the older way does. */
  function part(address, body, ticket, progress) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("Content-Type", "application/offset+octet-stream");
      request.setRequestHeader("X-CSRF-Token", form.elements.csrf_token.value);
      request.setRequestHeader("Upload-Ticket", ticket);
      request.timeout = 300000;
      request.upload.onprogress = (event) => progress(event.loaded);
      request.onload = () => (request.status === 200 ? done(JSON.parse(request.responseText).arrived) : failed(new Error("not taken")));
      request.onerror = request.ontimeout = request.onabort = () => failed(new Error("dropped"));
      request.send(body);
    });
  }

  /** List a kept file in the form, with a way to take it off. */
  function show(kept) {
    if (list.querySelector(`input[name=file_ids][value="${kept.id}"]`)) return;
    const item = document.createElement("li");
    const hidden = (name, value) => Object.assign(document.createElement("input"), { type: "hidden", name, value });
    const off = Object.assign(document.createElement("button"), { className: "sk-link", type: "button", textContent: field.dataset.sayOff });
    const whose = Object.assign(document.createElement("span"), { className: "govuk-visually-hidden", textContent: ` ${kept.name}` });
    off.append(whose);
    off.addEventListener("click", () => {
      item.remove();
      form.dispatchEvent(new Event("change"));
    });
    item.append(`${kept.name} `, hidden("file_ids", kept.id), hidden(`filename_${kept.id}`, kept.name), hidden(`receipt_${kept.id}`, kept.receipt), off);
    list.append(item);
    form.dispatchEvent(new Event("change"));
  }
}
