"""Looks the locked packages up among the known vulnerabilities: `python -m deploy.audit`.

pip-audit's exit code alone is not to be trusted (it has been seen to audit nothing and find nothing), so what counts is
how many packages its report names. Where the service that knows cannot be reached this is said, and is a failure only
when AUDIT=required.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60


def main() -> int:
    """Return 1 when a package is known to be vulnerable, or nothing could be audited and AUDIT=required."""
    lock = ROOT / "requirements.txt"
    wanted = sum(1 for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#")))
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--disable-pip", "--require-hashes", "-f", "json", "--timeout", "5"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - our own program
        report = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        report = []
    return judge(report, wanted=wanted, required=os.environ.get("AUDIT") == "required")


def judge(report: list[dict[str, object]], *, wanted: int, required: bool) -> int:
    """Say what a report comes to; `wanted` packages should have been looked up."""
    audited = [package for package in report if isinstance(package.get("vulns"), list)]
    found = [package for package in audited if package["vulns"]]
    if found:
        print("dependencies: known to be vulnerable: " + ", ".join(f"{p['name']} {p['version']}" for p in found))
        return 1
    if len(audited) < wanted:
        print(f"dependencies: not audited ({len(audited)} of {wanted} packages were looked up: the service could not be reached)")
        return int(required)
    print(f"dependencies: {len(audited)} of {wanted} packages audited, none known to be vulnerable")
    return 0


if __name__ == "__main__":
    sys.exit(main())
