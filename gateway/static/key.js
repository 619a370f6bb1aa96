// A hard key or passkey (WebAuthn): the browser asks for it, the server decides. Without it, or without this file, codes do.

export const CAN = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON && window.PublicKeyCredential?.parseCreationOptionsFromJSON);

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
      form.elements.key.value = await ask({ csrf: form.elements.csrf_token.value, options: form.dataset.keyOptions, kind: form.dataset.key });
    } catch {
      said.textContent = form.dataset.sayFailed;
      return;
    }
    form.submit();
  });
}

/** Ask the browser for a key (`get`) or to make one (`create`), as the server's options say; return its answer as JSON. */
export async function ask({ csrf, options: address, kind }) {
  const answer = await fetch(address, { method: "POST", body: new URLSearchParams({ csrf_token: csrf }), headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("refused");
  const options = await answer.json();
  const found =
    kind === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return JSON.stringify(found.toJSON());
}
