// While a password is typed: whether it meets the rules, and showing it. The server decides.

for (const said of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(said.dataset.for);
  field.addEventListener("input", () => {
    const typed = field.value;
    const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(typed)).length;
    if (!typed) said.textContent = "";
    else if (typed.length < Number(said.dataset.min)) said.textContent = said.dataset.sayShort;
    else if ("kinds" in said.dataset && kinds < 4) said.textContent = said.dataset.sayKinds;
    else said.textContent = typed.length >= 16 ? said.dataset.sayStrong : said.dataset.sayGood;
  });
}
for (const box of document.querySelectorAll("[data-show-password]")) {
  box.hidden = false;
  const field = document.getElementById(box.dataset.showPassword);
  box.querySelector("input").addEventListener("change", (event) => {
    field.type = event.target.checked ? "text" : "password";
  });
}
