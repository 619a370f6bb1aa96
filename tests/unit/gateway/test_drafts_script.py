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
const heard = {}, timers = [], patience = [], sent = [], went = [], lines = [];
const said = { set textContent(line) { lines.push(line); }, get textContent() { return lines.at(-1) ?? ""; }, scrollIntoView: () => {} };
let typed = "";
const says = { saySaved: "Saved {time}", sayEnded: "Your session has ended {time}", sayUnsaved: "Not saved", sayHeld: "Not sent", sayTrying: "Trying", sayOver: "Over", sayStale: "Another session" };
const form = {
  dataset: { draft: "/draft", ...says },
  querySelector: () => said,
  addEventListener: (name, act) => (heard[name] = act),
  requestSubmit: (button) => press(button),
};
Object.defineProperty(globalThis, "navigator", { value: { onLine: true } });
AbortSignal.timeout = (milliseconds) => {
  const one = new AbortController();
  patience.push({ milliseconds, over: () => one.abort() });
  return one.signal;
};
globalThis.document = { querySelectorAll: (wanted) => (wanted === "form[data-draft]" ? [form] : []) };
globalThis.window = { addEventListener: (name, act) => (heard[name] = act) };
globalThis.FormData = class extends Map { constructor() { super([["narrative", typed]]); } };
globalThis.setInterval = (act, every) => timers.push({ act, every });
let now = "saves";
globalThis.fetch = async (address, { body, signal, keepalive }) => {
  if (now === "away") throw new TypeError("no connection");
  sent.push([address, body.get("narrative"), ...(keepalive ? ["after the page has gone"] : [])]);
  if (now === "hangs") return new Promise((_, failed) => signal.addEventListener("abort", () => failed(signal.reason)));
  if (now === "files is away") return { status: 503, ok: false, headers: new Headers({ "Content-Type": "application/problem+json" }) };
  if (now === "signed in again") return { status: 400, ok: false, headers: new Headers({ "Content-Type": "application/problem+json" }) };
  if (now === "no gateway") return { status: 503, ok: false, headers: new Headers({ "Content-Type": "text/html" }) };
  if (now === "over") return { status: 409, ok: false };
  return { status: 200, ok: true, json: async () => ({ saved_at: "2026-03-02T12:47:00Z", ended: now === "ended" }) };
};
await import("./drafts.js");
const type = (text) => { typed = text; heard.input(); };
const tick = async () => { await timers[0].act(); return said.textContent.replace(/ \\d.*/, ""); };
const told = () => ({ sent: sent.splice(0), said: said.textContent.replace(/ \\d.*/, "") });
const warned = () => { let kept = false; heard.beforeunload({ preventDefault: () => (kept = true) }); return kept; };
const close = () => { heard.pagehide(); return sent.splice(0).map(([, text, how]) => [text.length, how]); };
/** Press a button that sends the form, and return once it is known what comes of it; `stopped`: by another script of the form. */
const press = (submitter, stopped = false) => {
  let prevented = stopped;
  heard.submit({ target: form, submitter, get defaultPrevented() { return prevented; }, preventDefault: () => (prevented = true) });
  if (!prevented) went.push(submitter);
};
const settled = () => new Promise((done) => setTimeout(done));
const pressed = async () => { press("record"); await settled(); return { ...told(), went: went.splice(0), warned: warned() }; };
const steps = { every: timers.map(({ every }) => every) };
await tick(); steps.nothing = told();
type("one"); await tick(); steps.first = told();
await tick(); steps.unchanged = told();
type("two"); await tick(); steps.second = told();
now = "ended"; type("three"); await tick(); steps.ended = told();
type("four"); await tick(); steps.goesOn = told();
now = "away"; type("five"); await tick(); steps.away = { ...told(), warned: warned() };
now = "saves"; await tick(); steps.back = { ...told(), warned: warned() };
press("record", true); type("x"); press("record", true); steps.stopped = { warned: warned(), ...told(), left: close() };
await tick(); told();
now = "saves"; type("sent"); press("record"); steps.sent = { went: went.splice(0), left: close(), warned: warned() };
now = "away"; type("a"); await tick(); lines.length = 0; steps.heldAway = { ...(await pressed()), lines: lines.splice(0) };
await tick(); steps.stillHeld = told();
now = "saves"; steps.letGo = await pressed();
navigator.onLine = false; now = "away"; steps.offline = await pressed();
navigator.onLine = true; now = "saves"; await tick(); steps.backAgain = { ...told(), went: went.splice(0) };
now = "files is away"; type("b"); await tick(); steps.filesAway = await pressed();
now = "signed in again"; type("ba"); await tick(); steps.stale = { ...told(), warned: warned() }; steps.staleSent = await pressed();
now = "no gateway"; type("c"); await tick(); steps.noGateway = await pressed();
now = "saves"; await tick(); told();
now = "hangs"; type("d"); const first = tick(); await settled(); steps.hangs = { ...told(), warned: warned(), patience: patience.at(-1).milliseconds };
type("de"); steps.closed = close();
const held = pressed(); press("record"); now = "away"; patience.at(-1).over(); await first; await settled(); steps.hung = { ...(await held), warned: warned() };
now = "saves"; await tick(); steps.afterHanging = { ...told(), warned: warned() };
type("x".repeat(60_000)); steps.tooLong = { warned: warned(), left: close() };
await tick(); told(); steps.kept = { warned: warned(), left: close() };
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


def test_a_form_that_another_script_stopped_was_not_sent_and_its_words_are_saved_when_the_page_closes(steps: dict[str, Any]) -> None:
    assert steps["stopped"] == {"warned": False, "sent": [], "said": "Saved", "left": [[1, "after the page has gone"]]}


def test_a_form_that_was_sent_is_not_saved_as_well(steps: dict[str, Any]) -> None:
    assert steps["sent"] == {"went": ["record"], "left": [], "warned": False}


def test_a_form_is_held_while_nothing_can_be_saved_and_goes_once_a_save_shows_that_it_arrives(steps: dict[str, Any]) -> None:
    assert steps["heldAway"] == {"sent": [], "said": "Not sent", "went": [], "warned": True, "lines": ["Trying", "Not saved", "Not sent"]}
    assert steps["stillHeld"] == {"sent": [], "said": "Not sent"}
    assert steps["letGo"] == {"sent": [["/draft", "a"]], "said": "Saved", "went": ["record"], "warned": False}


def test_offline_a_form_is_held_though_its_last_save_went_well_and_is_not_sent_by_itself_later(steps: dict[str, Any]) -> None:
    assert steps["offline"] == {"sent": [], "said": "Not sent", "went": [], "warned": True}
    assert steps["backAgain"] == {"sent": [["/draft", "a"]], "said": "Saved", "went": []}


def test_a_form_goes_though_drafts_cannot_be_kept_but_not_where_no_gateway_answers(steps: dict[str, Any]) -> None:
    """Recording does not wait for drafts. What stands before the gateway would answer without the words."""
    assert steps["filesAway"]["went"] == ["record"]
    assert (steps["noGateway"]["went"], steps["noGateway"]["said"], steps["noGateway"]["warned"]) == ([], "Not sent", True)


def test_a_page_of_an_earlier_session_says_so_and_its_form_goes_for_the_answer_gives_its_words_back(steps: dict[str, Any]) -> None:
    assert steps["stale"] == {"sent": [["/draft", "ba"]], "said": "Another session", "warned": True}
    assert steps["staleSent"] == {"sent": [["/draft", "ba"]], "said": "Another session", "went": ["record"], "warned": False}


def test_a_save_that_hangs_is_given_up_and_all_the_while_the_page_warns_and_closing_it_sends_the_last_words(steps: dict[str, Any]) -> None:
    assert steps["hangs"] == {"sent": [["/draft", "d"]], "said": "Saved", "warned": True, "patience": 15_000}
    assert steps["closed"] == [[2, "after the page has gone"]]
    assert (steps["hung"]["went"], steps["hung"]["warned"]) == ([], True), "it waited for the save under way, however often it was pressed"
    assert steps["afterHanging"] == {"sent": [["/draft", "de"]], "said": "Saved", "warned": False}


def test_words_too_long_for_a_page_that_is_gone_are_warned_of_until_they_are_saved(steps: dict[str, Any]) -> None:
    """A browser carries 64 KiB for a page that has gone, and drops what is longer without a word."""
    assert steps["tooLong"] == {"warned": True, "left": []}
    assert steps["kept"] == {"warned": False, "left": []}


def test_once_it_was_recorded_nothing_more_is_saved(steps: dict[str, Any]) -> None:
    assert steps["over"] == {"sent": [["/draft", "six"]], "said": "Over"}
    assert steps["afterwards"]["sent"] == []
