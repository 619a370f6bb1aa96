"""What is typed into a search stands in an address for a moment (typeahead): no log keeps it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from flask import Flask
from werkzeug.routing import UnicodeConverter

from safekeep import keys

ROOT = Path(__file__).resolve().parent.parent.parent.parent
WORD = "Zebuloniak"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(address: str) -> int:
    request = urllib.request.Request(address, headers={"Cookie": f"safekeep-8000={'a' * 40}", "Referer": address})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_neither_the_server_nor_telemetry_writes_what_was_searched_for(tmp_path: Path) -> None:
    """The gateway under gunicorn as it is started, its broker away so that every request fails and is logged: the word is nowhere."""
    keys.ensure_ring(tmp_path)
    port = free_port()
    environment = os.environ | {
        "BROKER_URL": "amqp://guest:guest@127.0.0.1:9/",
        "KEYS_FILE": str(tmp_path / "process" / "gateway.json"),
        "PUBLIC_URL": "http://localhost:8000",
        "INNER_PORT": str(free_port()),
    }
    log = tmp_path / "gateway.log"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        str(ROOT / "deploy" / "gunicorn.conf.py"),
        "--bind",
        f"127.0.0.1:{port}",
        "gateway:create_app()",
    ]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT) as server:
        try:
            base, ends = f"http://127.0.0.1:{port}", time.monotonic() + 30
            while time.monotonic() < ends:
                try:
                    if get(f"{base}/sign-in?next={WORD}") == 200:
                        break
                except OSError:
                    time.sleep(0.1)
            pupil = "01890000-0000-7000-8000-000000000000"
            below = (
                "pupils/suggest?q=",
                "staff/suggest?q=",
                f"pupils/{pupil}/chronology?words=",
                f"pupils/{pupil}/chronology.pdf?words=",
                "nowhere?q=",
            )
            asked = [f"{base}/s/hillside/{path}{WORD}" for path in below] + [f"{base}/api/v1/pupils?q={WORD}"]
            with ThreadPoolExecutor(len(asked)) as side_by_side:  # each waits for the broker for seconds
                *said, by_program = side_by_side.map(get, asked)
            assert set(said) <= {404, 503}, dict(zip(asked, said, strict=False))
            assert by_program == 401
        finally:
            server.terminate()
            server.wait(30)
    written = log.read_text()
    assert "request.refused" in written, "the failures were not logged, so this proves nothing"
    assert WORD not in written


PLAIN = {"slug", "school", "scope", "code", "table", "name", "version", "provider_id"}
"""What stands in an address as words, and is no secret; what an argument that ends in `_id` holds neither."""


def test_the_proxy_in_front_leaves_queries_headers_and_the_secrets_of_links_out_of_its_log(app: Flask) -> None:
    """Caddy writes the address of a request it could not hand on: its query is cut off first, and there is no access log."""
    said = (ROOT / "deploy" / "Caddyfile").read_text()
    written = re.search(r"request>uri regexp `(.+)` `\$1`", said)
    assert written
    logged = partial(re.sub, written[1], r"\1")
    assert logged("/s/oak/pupils?q=Amal") == "/s/oak/pupils"
    secret = "s3cret-of.a~link"
    hidden = set()
    for rule in app.url_map.iter_rules():
        unknown = {name for name in rule.arguments - PLAIN if isinstance(rule._converters[name], UnicodeConverter) and not name.endswith("_id")}
        if unknown:
            built = rule.build(dict.fromkeys(rule.arguments, secret), append_unknown=False)
            assert built
            assert secret not in logged(f"{built[1]}?a=b"), f"{rule.rule}: name what is no secret, or have it cut off"
            hidden.add(rule.rule)
    assert hidden == {"/link/<token>", "/begin/<token>"}
    assert "request>headers delete" in said
    assert len(re.findall(r"^\s*log\b", said, re.M)) == 1
