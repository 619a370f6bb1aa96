"""What an audit of the dependencies comes to; one that audited nothing is not a good one."""

import pytest

from deploy.audit import judge

CLEAN = {"name": "flask", "version": "3", "vulns": []}
KNOWN = {"name": "old", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
SKIPPED = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("report", "wanted", "required", "code", "said"),
    [
        ([CLEAN, CLEAN], 2, True, 0, "2 of 2 packages audited, none known"),
        ([CLEAN, KNOWN], 2, False, 1, "known to be vulnerable: old 1"),
        ([KNOWN], 2, False, 1, "known to be vulnerable: old 1"),
        ([], 2, False, 0, "not audited (0 of 2"),
        ([], 2, True, 1, "not audited (0 of 2"),
        ([CLEAN, SKIPPED], 2, True, 1, "not audited (1 of 2"),
    ],
)
def test_only_what_was_looked_up_counts(
    report: list[dict[str, object]], wanted: int, required: bool, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(report, wanted=wanted, required=required) == code
    assert said in capsys.readouterr().out
