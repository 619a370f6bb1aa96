"""Where ClamAV is not there, or has no signatures, a sentence says what to do; its limits let nothing through for being long."""

import re
from pathlib import Path

import pytest

from deploy.local import scanner
from safekeep.contracts.files import MAX_UPLOAD


def test_where_it_is_not_installed_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "PROGRAMS", {"clamd": tmp_path / "not there"})
    with pytest.raises(scanner.CannotScan, match=r"is not installed .*: install clamav-daemon and clamav-freshclam"):
        scanner.prepare(tmp_path / "clamav", socket=tmp_path / "sock", log=tmp_path / "log")


def test_what_is_longer_than_it_looks_into_is_longer_than_a_file_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """clamd says "OK" of what it did not look into: it would be shown as scanned."""
    monkeypatch.setattr(scanner, "_has_signatures", lambda _: True)
    scanner.prepare(tmp_path / "clamav", socket=tmp_path / "sock", log=tmp_path / "log")
    said = dict(re.findall(r"^(\w+) (\d+)M$", (tmp_path / "clamav" / "clamd.conf").read_text(), re.MULTILINE))
    assert set(said) == {"StreamMaxLength", "MaxFileSize", "MaxScanSize"}
    assert min(int(limit) for limit in said.values()) * 2**20 > MAX_UPLOAD
