// A typeahead on top of a plain field with a Find button (ARIA combobox with a listbox). Without this the button finds.

import { exchange, refresh } from "./alerting.js";

for (const input of document.querySelectorAll("input[data-suggest]")) enhance(input);

function enhance(input) {
  const list = document.createElement("ul");
  list.id = `${input.id}-list`;
  list.className = "sk-suggest";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", document.querySelector(`label[for="${input.id}"]`)?.textContent.trim() ?? "");
  list.hidden = true;
  const said = document.createElement("p");
  said.className = "govuk-visually-hidden";
  said.setAttribute("role", "status");
  const holder = document.createElement("div");
  holder.className = "sk-suggest__holder";
  input.replaceWith(holder);
  holder.append(input, list, said);
  const set = (name, value) => input.setAttribute(name, value);
  set("role", "combobox");
  set("aria-autocomplete", "list");
  set("aria-expanded", "false");
  set("aria-controls", list.id);

  let items = [];
  let active = -1;
  let asked = 0;
  let timer;

  const close = () => {
    list.hidden = true;
    active = -1;
    set("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
    if (index < 0) return input.removeAttribute("aria-activedescendant");
    set("aria-activedescendant", list.children[index].id);
    list.children[index].scrollIntoView({ block: "nearest" });
  };
  const take = (index) => {
    const item = items[index];
    if (!item) return;
    asked += 1;
    input.value = "";
    close();
    choose(input, item);
  };
  const show = () => {
    list.replaceChildren(
      ...items.map((item, index) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${index}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const name = document.createElement("strong");
        name.textContent = item.name;
        const about = document.createElement("span");
        about.textContent = item.about;
        option.append(name, " ", about);
        option.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
        option.addEventListener("click", () => take(index));
        return option;
      }),
    );
    list.hidden = items.length === 0;
    set("aria-expanded", String(items.length > 0));
    const form = input.form.dataset;
    said.textContent = items.length ? form.sayFound.replace("{n}", items.length) : form.sayNobody;
    mark(-1);
  };
  const look = async () => {
    const typed = input.value.trim();
    const mine = ++asked;
    if ([...typed].length < 2) return close();
    try {
      const answer = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(typed)}`, { headers: { Accept: "application/json" } });
      if (!answer.ok || mine !== asked) return;
      items = (await answer.json()).items;
      if (mine === asked) show();
    } catch {
      close(); // not connected: the Find button says so
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") mark((active + 1) % items.length);
    else if (event.key === "ArrowUp") mark((active - 1 + items.length) % items.length);
    else if (event.key === "Enter" && active >= 0) take(active);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}

function hidden(name, value) {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name, value });
  return field;
}

function choose(input, item) {
  const form = input.form;
  if (input.dataset.choose === "radio") {
    const list = document.getElementById(input.dataset.list);
    let radio = list.querySelector(`input[type=radio][value="${item.id}"]`);
    if (!radio) {
      const row = document.createElement("div");
      row.className = "govuk-radios__item";
      radio = document.createElement("input");
      Object.assign(radio, { type: "radio", className: "govuk-radios__input", name: input.dataset.name, id: `chosen-${item.id}`, value: item.id });
      const label = document.createElement("label");
      Object.assign(label, { className: "govuk-label govuk-radios__label", htmlFor: radio.id, textContent: item.label });
      row.append(radio, label);
      list.prepend(row, hidden(`label_${item.id}`, item.label));
    }
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    radio.focus();
  } else if (input.dataset.choose === "preview") {
    form.append(hidden(input.dataset.name, item.id));
    refresh(form).then(() => form.querySelectorAll(`:scope > input[name="${input.dataset.name}"]`).forEach((field) => field.remove()));
    input.focus();
  } else {
    exchange(form, [["do", input.dataset.press], [input.dataset.name, item.id], [`label_${item.id}`, item.label]]).then((done) => {
      if (done) document.querySelector("#linked_rows fieldset:last-of-type select")?.focus();
    });
  }
}
