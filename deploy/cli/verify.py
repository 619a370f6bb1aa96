"""Check an export: is what is in it what was recorded? Needs the file alone, and no network."""

import argparse
from dataclasses import asdict
from pathlib import Path

from deploy.cli import CannotDo, Place, Said, does_this
from safekeep.proof import heads
from safekeep.proof.heads import Signed
from safekeep.proof.verify import sentences, verify


def install(noun: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    does_this(noun, _verify)
    noun.add_argument("file", type=Path, help="the export, a zip file")
    noun.add_argument("--head", type=Path, action="append", default=[], help="a signed head that a witness kept (JSON, or the e-mail it came in)")
    noun.add_argument("--key", default="", help="the fingerprint that the signing key must have")


def _verify(chosen: argparse.Namespace, place: Place) -> Said:
    if not chosen.file.is_file():
        raise CannotDo(f"There is no file {chosen.file}.")
    report = verify(chosen.file, witnessed=[_head(path) for path in chosen.head], key=chosen.key)
    facts = report.facts | {"findings": [asdict(each) for each in report.findings]}
    return Said("\n".join(sentences(report)), facts, ok=report.ok)


def _head(path: Path) -> Signed:
    try:
        return heads.read_text(path.read_text())
    except (OSError, ValueError):
        raise CannotDo(f"There is no signed head in {path}.") from None
