// A hard key or passkey (WebAuthn): the browser asks for it, the server decides. Without it, or without this file, codes do.

const CAN = window.PublicKeyCredential?.parseRequestOptionsFromJSON && window.PublicKeyCredential?.parseCreationOptionsFromJSON;

for (const form of document.querySelectorAll("form[data-key]")) {
  if (!CAN) continue;
  form.hidden = false;
  for (const other of document.querySelectorAll("[data-no-keys]")) other.hidden = true;
  form.addEventListener("submit", async (event) => {
    if (form.elements.key.value) return;
    event.preventDefault();
    const said = form.querySelector("[data-said]");
    said.textContent = "";
    try {
      form.elements.key.value = await ask(form);
    } catch {
      said.textContent = form.dataset.sayFailed;
      return;
    }
    form.submit();
  });
}

async function ask(form) {
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
  const answer = await fetch(form.dataset.keyOptions, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("refused");
  const options = await answer.json();
  const found =
    form.dataset.key === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return JSON.stringify(found.toJSON());
}
