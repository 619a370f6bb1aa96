"""The demonstration is made the same each time, also when its first start was cut short and went on another day; its codes are those of the app."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyotp

from deploy.local import mailbox
from deploy.local.__main__ import kept_day

ROOT = Path(__file__).resolve().parents[3]
MADE = """
from deploy.demo import people, stories
school = people.make_school(slug="hillside", name="Hillside Primary", phase="primary", pupils=60, teachers=6)
for made in (*people.trust_people(), school.seed, *school.pupils, *stories.flags_of(school), *stories.entries_of(school, incidents=40)):
    print(made.model_dump_json())
"""


def made(day: str) -> str:
    """Everything a fresh process makes up of a small school, as it is sent."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MADE], cwd=ROOT, env=os.environ | {"DEMO_DAY": day}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_same_day_makes_the_same_people_and_stories_and_another_day_others() -> None:
    first = made("2026-11-25")
    assert len(first.splitlines()) > 120
    assert made("2026-11-25") == first
    assert made("2026-11-26") != first, "so a start that is cut short must go on with its own day"


def test_nobody_real_can_be_rung_or_written_to() -> None:
    """Numbers are of those that Ofcom keeps for drama (01632 960000 to 960999), addresses of the top-level domain kept for examples (RFC 2606)."""
    told = made("2026-11-25")
    numbers, addresses = re.findall(r'"telephone":"([^"]+)"', told), re.findall(r"[\w.+-]+@[\w.-]+", told)
    assert len(numbers) > 10
    assert len(addresses) > 10
    assert [number for number in numbers if not number.startswith("01632 960")] == []
    assert [address for address in addresses if not address.endswith(".example")] == []


def test_the_day_is_kept_from_the_start_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "demo-day").write_text("2026-03-31")
    assert kept_day(tmp_path / "demo-day") == "2026-03-31"
    assert kept_day(tmp_path / "new") == (tmp_path / "new").read_text() != ""


def test_the_page_of_codes_shows_each_sign_in_with_the_code_its_app_would_show() -> None:
    secret = pyotp.random_base32()
    dsl = {"role": "dsl", "school": "Hillside <Primary>", "username": "d@hillside.example", "password": "Teal-Plum-1", "totp_secret": secret}
    page = mailbox.codes_page([dsl, dsl | {"role": "teacher", "totp_secret": None}], now=1_800_000_007)
    code = pyotp.TOTP(secret).at(1_800_000_007)
    assert page.count(f"{code[:3]} {code[3:]}") == 1
    assert page.count("no code asked") == 1
    assert secret not in page
    assert "Hillside &lt;Primary&gt;" in page
    assert '<script src="/codes.js" defer>' in page, "the next codes come by themselves"
    assert 'http-equiv="refresh"' not in page, "and nobody's page is loaded anew below their hands (WCAG 2.2.1)"
    assert "There is no demonstration here" in mailbox.codes_page([], now=0)
