"""The operators' command line: every verb takes --json and --data, and says in one sentence what it could not do."""

import argparse
import importlib
import json
import pkgutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy import cli
from deploy.cli.__main__ import main

ROOT = Path(__file__).resolve().parent.parent.parent.parent
NOUNS = sorted(m.name for m in pkgutil.iter_modules(cli.__path__) if not m.name.startswith("_"))


def parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Every parser that does something, found by walking down."""
    below = [p for a in parser._actions if isinstance(a, argparse._SubParsersAction) for p in a.choices.values()]
    return [parser] if not below else [found for each in below for found in parsers(each)]


@pytest.mark.parametrize("noun", NOUNS)
def test_every_verb_does_something_and_takes_json_and_data(noun: str) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"deploy.cli.{noun}").install(parser)
    found = parsers(parser)
    assert found
    for each in found:
        assert each.get_default("does"), each.prog
        assert {"--json", "--data"} <= {option for action in each._actions for option in action.option_strings}, each.prog


def test_a_place_where_nothing_runs_is_said_in_one_sentence(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("KEYS_FILE", raising=False)
    wanted = ["school", "add", "x", "--name", "X", "--trust", "t", "--phase", "primary", "--data", str(tmp_path)]
    assert main(wanted) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert main([*wanted, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_what_is_not_understood_is_refused_with_the_usage(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["school", "add"])
    assert ended.value.code == 2
    assert "usage: safekeep school add" in capsys.readouterr().err


def test_the_launcher_works_from_any_folder(tmp_path: Path) -> None:
    said = subprocess.run([str(ROOT / ".venv" / "bin" / "safekeep"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "usage: safekeep" in said.stdout
    assert said.stderr == ""
