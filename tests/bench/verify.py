"""`./bench verify`: how long `safekeep verify` takes on a school's whole export, and how much memory.

Makes a ledger of that many entries (no database: the file is what is measured), writes the export, and runs the command as anybody would.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.exports import MadeLedger

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench verify")
    parser.add_argument("--entries", type=int, default=100_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        maker = multiprocessing.get_context("spawn").Process(target=_make, args=(folder, chosen.entries))  # its memory is not what is measured
        maker.start()
        maker.join()
        _measure("the whole school", Path(folder) / "school.zip")
        _measure("one pupil of five", Path(folder) / "pupil.zip")


def _make(folder: str, entries: int) -> None:
    made, days = MadeLedger(), 30
    for _ in range(days):  # a month of heads, as a school has
        made.grow(entries // days).sign()
    made.grow(entries - len(made.rows)).sign(minutes=2)
    made.export(Path(folder) / "school.zip")
    made.export(Path(folder) / "pupil.zip", scope="pupil", scope_id=made.pupils[0])


def _measure(what: str, path: Path) -> None:
    started = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "deploy.cli", "verify", "--json", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds, busy, megabytes = time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(said)
    found = json.loads(said)
    print(
        f"{what}: {found['entries']:,} entries, {path.stat().st_size / 2**20:.0f} MiB: {seconds:.1f} s ({busy:.1f} s of CPU), {megabytes:.0f} MB at most"
    )


if __name__ == "__main__":
    main()
