"""`safekeep`: the operators' command line. Each module beside this one is a noun: trust.py is `safekeep trust`."""

import argparse
import importlib
import json
import pkgutil
import sys

from deploy import cli
from deploy.cli import CannotDo, Place, Said, sentence
from safekeep.errors import SafekeepError


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked, say what was done, and return the exit code: 0, 1 (could not, or found something wrong), 2 (not understood)."""
    parser = argparse.ArgumentParser(prog="safekeep", description="For those who run Safekeep. Every verb takes --json and --data.")
    nouns = parser.add_subparsers(title="nouns", metavar="noun", required=True)
    for found in sorted(pkgutil.iter_modules(cli.__path__), key=lambda m: m.name):
        if not found.name.startswith("_"):
            module = importlib.import_module(f"deploy.cli.{found.name}")
            help = (module.__doc__ or "").strip().splitlines()[0]
            module.install(nouns.add_parser(found.name.replace("_", "-"), help=help, description=help))
    chosen = parser.parse_args(arguments)
    try:
        said = chosen.does(chosen, Place(chosen.data.resolve()))
    except CannotDo as reason:
        said = Said(str(reason), {"error": str(reason)}, ok=False)
    except SafekeepError as error:
        said = Said(sentence(error), {"error": sentence(error)}, ok=False)
    stream = sys.stdout if said.ok or chosen.json else sys.stderr
    print(json.dumps({"ok": said.ok} | said.facts, default=str) if chosen.json else said.text, file=stream)
    return 0 if said.ok else 1


if __name__ == "__main__":
    sys.exit(main())
