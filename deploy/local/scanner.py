"""The virus scanner of `./run --clamav`: the distribution's ClamAV, private and unprivileged, with its signatures in the data folder.

The package's own service stays untouched. Its programs are copied: where AppArmor is at work, the package's profile is bound to their usual place
and lets them open the package's own folders only.
"""

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local import servers

PROGRAMS: Final[Mapping[str, Path]] = {"clamd": Path("/usr/sbin/clamd"), "freshclam": Path("/usr/bin/freshclam")}
SIGNATURES: Final = ("*.cvd", "*.cld", "*.cud", "*.ndb", "*.hdb", "*.hsb", "*.ldb", "*.mdb")
SECONDS_TO_FETCH: Final = 900.0
LIMITS: Final = ["StreamMaxLength 260M", "MaxFileSize 260M", "MaxScanSize 1000M"]
"""More than the largest file there can be. A file longer than clamd looks into is answered with "OK", so all its limits are as high."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """What the process manager starts, and where files ask."""

    url: str
    clamd: str
    freshclam: str


class CannotScan(Exception):
    """There will be no scanner; the text is the sentence that says why, and what to do."""


def user() -> str | None:
    """Return the system user that scans when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    return "clamav" if any(entry.pw_name == "clamav" for entry in pwd.getpwall()) else "nobody"


def environment() -> dict[str, str]:
    """Return what the scanner's programs are told besides: by which way signatures are fetched."""
    ways = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "CURL_CA_BUNDLE")
    return {name: os.environ[name] for name in ways if name in os.environ}


def prepare(folder: Path, *, socket: Path, log: Path) -> Scanner:
    """Make the scanner's folder, and have the signatures fetched where there are none (about 250 MB, once). Raises CannotScan."""
    missing = [str(path) for path in PROGRAMS.values() if not path.exists()]
    if missing:
        raise CannotScan(f"ClamAV is not installed ({', '.join(missing)}): install clamav-daemon and clamav-freshclam.")
    signatures = folder / "signatures"
    for part in (folder, signatures, folder / "work"):
        part.mkdir(mode=0o700, exist_ok=True)
    for name, program in PROGRAMS.items():
        shutil.copyfile(program, folder / name)
        (folder / name).chmod(0o700)
    lines = {
        "clamd.conf": [
            f"LocalSocket {socket}",
            f"DatabaseDirectory {signatures}",
            f"TemporaryDirectory {folder / 'work'}",
            "Foreground yes",
            *LIMITS,
        ],
        "freshclam.conf": [
            f"DatabaseDirectory {signatures}",
            "DatabaseMirror database.clamav.net",
            "Foreground yes",
            "Checks 12",
            "MaxAttempts 2",
            "ConnectTimeout 10",
            f"NotifyClamd {folder / 'clamd.conf'}",
            *([f"DatabaseOwner {user()}"] if user() else []),
        ],
    }
    for name, said in lines.items():
        (folder / name).write_text("\n".join(said) + "\n")
    if owner := user():
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, owner)
    fetch = [str(folder / "freshclam"), f"--config-file={folder / 'freshclam.conf'}", "--stdout"]
    if not _has_signatures(signatures) and not _fetched(fetch, log=log, signatures=signatures):
        raise CannotScan(
            "ClamAV's signatures could not be fetched: database.clamav.net cannot be reached from here, or did not answer (logs/freshclam.log in the "
            f"data folder). Start again when it can, or put main.cvd and daily.cvd into {signatures}."
        )
    return Scanner(
        url=f"unix://{socket}",
        clamd=shlex.join([str(folder / "clamd"), "-c", str(folder / "clamd.conf")]),
        freshclam=shlex.join([*fetch, "--daemon"]),
    )


def _has_signatures(folder: Path) -> bool:
    return any(True for pattern in SIGNATURES for _ in folder.glob(pattern))


def _fetched(command: list[str], *, log: Path, signatures: Path) -> bool:
    with log.open("ab") as out:
        try:
            told = servers.bare_environment() | environment()
            subprocess.run(command, user=user(), env=told, stdout=out, stderr=out, cwd="/", timeout=SECONDS_TO_FETCH, check=False)  # noqa: S603 - ClamAV's program
        except subprocess.TimeoutExpired:
            return False
    return _has_signatures(signatures)
