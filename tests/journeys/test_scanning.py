"""`./run --clamav`: clamd runs as one of our processes, without rights; pages say what it found. Without signatures everything runs, and says why."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests import servers
from tests.copies import Copy
from tests.faults.victim import make_school
from tests.journeys.conftest import PHONE
from tests.journeys.test_afterwards import record
from tests.journeys.test_files import PHOTO, choose
from tests.services.files.samples import EICAR

NO_NETWORK = dict.fromkeys(("https_proxy", "http_proxy", "all_proxy"), "http://127.0.0.1:9")


def a_folder(*, signatures: bool) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="safekeep-scan-"))
    folder.chmod(0o711)
    if signatures:
        kept = folder / "data" / "clamav" / "signatures"
        kept.mkdir(parents=True)
        (kept / "local.ndb").write_text(f"Local.Test.EICAR:0:*:{EICAR.hex()}\n")
    return folder


@pytest.fixture(scope="module")
def system() -> Iterator[dict[str, Any]]:
    """A Safekeep with a school and a scanner that knows the makers' test virus alone."""
    folder = a_folder(signatures=True)
    with servers.running_system("--clamav", "--no-demo", data=folder, **NO_NETWORK) as described:
        yield described | make_school(folder / "ready.json")
    shutil.rmtree(folder, ignore_errors=True)


def running(system: dict[str, Any], program: str) -> list[int]:
    """Return the processes of a program in the data folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if (each / "cmdline").read_bytes().split(b"\0")[0].decode() == f"{system['data']}/clamav/{program}":
                found.append(int(each.name))
        except OSError:
            continue
    return found


def said(main: Locator, sentence: str) -> None:
    for _ in range(80):
        if sentence in main.inner_text():
            break
        main.page.wait_for_timeout(500)
        main.page.reload()
    expect(main).to_contain_text(sentence)


def test_a_file_is_scanned_and_its_page_says_so_and_no_more_that_it_is_not(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[..., None]
) -> None:
    """A picture is clean; the makers' test virus is kept, said to be one, and opened by nobody."""
    for name, data, sentence in (
        ("the drawing.jpg", PHOTO, "Scanned for viruses: none were found"),
        ("notes.txt", EICAR, "A virus was found in it: nobody can open it"),
    ):
        page = sign_in("teacher", viewport=PHONE).go("incidents/new")
        choose(page, name, data)
        expect(page.locator("[data-kept-files]")).to_contain_text(name, timeout=30_000)
        address = record(page, file_ids=page.locator("[name=file_ids]").input_value())
        dsl = sign_in("dsl", viewport=PHONE).page
        dsl.goto(address)
        dsl.get_by_role("link", name=name).click()
        main = dsl.get_by_role("main")
        said(main, sentence)
        expect(main).not_to_contain_text("Not scanned for viruses")
        finds_nothing_wrong(dsl)
        file = f"{dsl.url.split('/s/')[0]}/s/hillside/files/{dsl.url.rsplit('/', 1)[1]}"
        assert dsl.request.get(file).status == (200 if data is PHOTO else 409)


def test_the_scanner_runs_without_rights_and_comes_back(system: dict[str, Any]) -> None:
    """Root hands over to another user. Killed, it is started again, as each of our processes."""
    (before,) = running(system, "clamd")
    own = Path(f"/proc/{before}").stat().st_uid
    assert own != 0
    if os.geteuid() != 0:
        assert own == os.geteuid()
    os.kill(before, signal.SIGKILL)
    ends = time.monotonic() + 60
    while (now := running(system, "clamd")) in ([], [before]):
        assert time.monotonic() < ends, "it did not come back"
        time.sleep(0.2)
    assert len(now) == 1
    assert len(running(system, "freshclam")) == 1, "it goes on asking for signatures, though it cannot reach any"


def test_without_signatures_and_without_a_network_everything_runs_and_it_is_said_why_nothing_is_scanned() -> None:
    folder = a_folder(signatures=False)
    copy = Copy(folder, "--no-demo", "--clamav", **NO_NETWORK).wait()
    try:
        assert copy.answers()
        assert "ClamAV's signatures could not be fetched: database.clamav.net cannot be reached from here" in copy.said()
        assert f"put main.cvd and daily.cvd into {copy.data}/clamav/signatures." in copy.said()
        assert "Until then files are kept and shown as not scanned." in copy.said()
        assert not {"clamd", "freshclam"} & copy.ready["pids"].keys()
    finally:
        assert copy.end() == 0
    assert copy.processes() == {}
    shutil.rmtree(folder, ignore_errors=True)
