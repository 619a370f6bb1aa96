"""What static/drafts.js does by the clock, run by Node with a page of the few things it touches: time passes when the test says so."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import gateway
from tests.openid import NODE

STATIC = Path(gateway.__file__).parent / "static"
PAGE = """
const heard = {}, timers = [], sent = [], said = { textContent: "" };
let typed = "";
const form = {
  dataset: { draft: "/draft", saySaved: "Saved {time}", sayEnded: "Your session has ended {time}", sayUnsaved: "Not saved", sayOver: "Over" },
  querySelector: () => said,
  addEventListener: (name, act) => (heard[name] = act),
};
globalThis.document = { querySelectorAll: (wanted) => (wanted === "form[data-draft]" ? [form] : []) };
globalThis.window = { addEventListener: (name, act) => (heard[name] = act) };
globalThis.FormData = class extends Map { constructor() { super([["narrative", typed]]); } };
globalThis.setInterval = (act, every) => timers.push({ act, every });
let now = "saves";
globalThis.fetch = async (address, { body }) => {
  if (now === "away") throw new TypeError("no connection");
  sent.push([address, body.get("narrative")]);
  if (now === "over") return { status: 409, ok: false };
  return { status: 200, ok: true, json: async () => ({ saved_at: "2026-03-02T12:47:00Z", ended: now === "ended" }) };
};
await import("./drafts.js");
const type = (text) => { typed = text; heard.input(); };
const tick = async () => { await timers[0].act(); return said.textContent.replace(/ \\d.*/, ""); };
const told = () => ({ sent: sent.splice(0), said: said.textContent.replace(/ \\d.*/, "") });
const warned = () => { let kept = false; heard.beforeunload({ preventDefault: () => (kept = true) }); return kept; };
const steps = { every: timers.map(({ every }) => every) };
await tick(); steps.nothing = told();
type("one"); await tick(); steps.first = told();
await tick(); steps.unchanged = told();
type("two"); await tick(); steps.second = told();
now = "ended"; type("three"); await tick(); steps.ended = told();
type("four"); await tick(); steps.goesOn = told();
now = "away"; type("five"); await tick(); steps.away = { ...told(), warned: warned() };
now = "saves"; await tick(); steps.back = { ...told(), warned: warned() };
now = "over"; type("six"); await tick(); steps.over = told();
type("seven"); await tick(); steps.afterwards = told();
console.log(JSON.stringify(steps));
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("script")
    for name in ("drafts.js", "alerting.js"):
        shutil.copy(STATIC / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "page.js").write_text(PAGE)
    done = subprocess.run([NODE, folder / "page.js"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_was_typed_is_saved_every_two_seconds_and_only_when_something_was(steps: dict[str, Any]) -> None:
    assert steps["every"] == [2000]
    assert steps["nothing"] == {"sent": [], "said": ""}
    assert steps["first"] == {"sent": [["/draft", "one"]], "said": "Saved"}
    assert steps["unchanged"]["sent"] == []
    assert steps["second"] == {"sent": [["/draft", "two"]], "said": "Saved"}


def test_an_open_page_goes_on_saving_after_the_session_has_ended_and_says_so(steps: dict[str, Any]) -> None:
    assert steps["ended"] == {"sent": [["/draft", "three"]], "said": "Your session has ended"}
    assert steps["goesOn"] == {"sent": [["/draft", "four"]], "said": "Your session has ended"}


def test_what_could_not_be_saved_stays_on_the_page_which_warns_and_is_saved_once_it_can_be(steps: dict[str, Any]) -> None:
    assert steps["away"] == {"sent": [], "said": "Not saved", "warned": True}
    assert steps["back"] == {"sent": [["/draft", "five"]], "said": "Saved", "warned": False}


def test_once_it_was_recorded_nothing_more_is_saved(steps: dict[str, Any]) -> None:
    assert steps["over"] == {"sent": [["/draft", "six"]], "said": "Over"}
    assert steps["afterwards"]["sent"] == []
