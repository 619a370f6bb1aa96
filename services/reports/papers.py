"""A published report to governors on paper: the words that were approved, and nothing else. Pure; printed by safekeep.printing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from safekeep import charts, printing


def governors(content: Mapping[str, Any], *, sha256: str, places: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    """Return all that the document says, in strings. `places`: where it stands in ledgers (of a trust's school by its name), and the hash there."""
    approved = datetime.fromisoformat(content["approved_at"])
    number = f"{content['year']}/{content['number']}"
    return {
        "title": f"{content['title']} {number}",
        "description": f"{content['title']}, {content['school']}",
        "footer": f"{content['school']}: report {number} to governors",
        "facts": [
            {"name": "Trust" if "schools" in content else "School", "value": content["school"]},
            {"name": "About", "value": content["period"]},
            {"name": "For the meeting", "value": content["meeting"]},
            {"name": "Approved by", "value": f"{content['approved_by']}, {approved.day} {approved:%B %Y}"},
        ],
        "notes": [content["rule"]],
        "words": content["words"],
        "sections": [
            {
                "heading": section["heading"],
                "note": section["note"],
                "sentence": section["sentence"],
                "words": section["words"],
                "columns": section["columns"],
                "rows": [{"name": row["name"], "total": "yes" if row["total"] else "", "cells": row["cells"]} for row in section["rows"]],
                "chart": charts.section(section),
                "alt": f"{section['heading']}: the table below says the same in numbers.",
            }
            for section in content["sections"]
        ],
        "seal": [
            f"What was approved has the SHA-256 {sha256}.",
            *(
                f"It is entry {sequence} of the ledger of {school}, whose hash is {entry_hash}."
                if school
                else f"It is entry {sequence} of the school’s ledger, whose hash is {entry_hash}."
                for school, sequence, entry_hash in places
            ),
            "An export of the ledger and “safekeep verify” show that neither has changed since.",
        ],
        "fonts": list(printing.FONTS),
    }


def pdf(said: dict[str, Any]) -> bytes:
    """Return the document as PDF/A-2a and PDF/UA-1. Raises printing.NotPrinted."""
    return printing.pdf(said, template="governors")
