"""What the pages load: our own files, and others' from node_modules by an explicit table. Nothing else is served."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, send_file

_ROOT: Final = Path(__file__).resolve().parent.parent
_STATIC: Final = Path(__file__).resolve().parent / "static"
_GOVUK: Final = "node_modules/govuk-frontend/dist/govuk"
_FONT: Final = "node_modules/@fontsource/atkinson-hyperlegible-next/files"

VENDOR: Final = {
    "govuk-frontend.min.css": f"{_GOVUK}/govuk-frontend.min.css",
    **{
        f"atkinson-{subset}-{weight}.woff2": f"{_FONT}/atkinson-hyperlegible-next-{subset}-{weight}-normal.woff2"
        for subset in ("latin", "latin-ext")
        for weight in (400, 700)
    },
}
"""Name in the address → file from npm. GOV.UK's crown, font, images and scripts are not in it."""

assets = Blueprint("assets", __name__, url_prefix="/assets")


@assets.get("/vendor/<name>")
def vendor(name: str) -> Response:
    """Serve a file of the table."""
    path = VENDOR.get(name)
    if path is None or not (_ROOT / path).is_file():
        abort(404)
    return _sent(_ROOT / path)


@assets.get("/own/<version>/<path:name>")
def own(version: str, name: str) -> Response:
    """Serve a file of ours. `version` only makes a changed file a new address."""
    if name not in _own():
        abort(404)
    return _sent(_STATIC / name)


def address(name: str) -> str:
    """Return the address of one of our files, with a part that changes when any of them does."""
    return f"/assets/own/{_version()}/{name}"


def _sent(path: Path) -> Response:
    kinds = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".png": "image/png"}
    response = send_file(path, mimetype=kinds.get(path.suffix, "application/octet-stream"), max_age=86_400)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@cache
def _own() -> frozenset[str]:
    return frozenset(path.relative_to(_STATIC).as_posix() for path in _STATIC.rglob("*") if path.is_file())


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name in sorted(_own()):
        digest.update((_STATIC / name).read_bytes())
    return digest.hexdigest()[:12]
