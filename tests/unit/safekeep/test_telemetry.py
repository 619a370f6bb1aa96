"""Log lines are whole, whoever else writes to the same place."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITER = """
import threading
from safekeep import telemetry

def write():
    for number in range(400):
        telemetry.log().info("request.done", route="/api/v1/incidents", status=201, milliseconds=number)

telemetry.start_logging("gateway")
threads = [threading.Thread(target=write) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_lines_of_two_processes_of_eight_threads_are_whole() -> None:
    reading, writing = os.pipe()
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], stdout=writing, env=environment) for _ in range(2)]
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = [json.loads(line) for line in pipe.read().splitlines()]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(lines) == 2 * 8 * 400
    assert {line["event"] for line in lines} == {"request.done"}


ONE_LINE = """
from safekeep import telemetry

print("before")
telemetry.start_logging("alerts")
telemetry.log().info("mail.sent", mail="1")
open(__import__("os").environ["DONE"], "w").close()
"""


@pytest.mark.parametrize(("file", "kept"), [("own.log", True), ("/dev/full", False)])
def test_lines_go_into_the_file_that_is_named_and_without_room_for_them_the_work_goes_on(tmp_path: Path, file: str, kept: bool) -> None:
    """What was in it stays; what was said before goes where it always went."""
    path = tmp_path / file
    if kept:
        path.write_text("of the last start\n")
    done = tmp_path / "done"
    environment = os.environ | {"LOG_FILE": str(path), "DONE": str(done), "PYTHONUNBUFFERED": "1"}
    ran = subprocess.run([sys.executable, "-c", ONE_LINE], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert ran.stdout == "before\n"
    assert done.exists()
    if kept:
        first, second = path.read_text().splitlines()
        assert first == "of the last start"
        assert json.loads(second)["event"] == "mail.sent"


BROKEN_OFF = """
import http.client
from http.server import BaseHTTPRequestHandler
import threading
from safekeep import telemetry

class Gone(BaseHTTPRequestHandler):
    def do_GET(self):
        raise BrokenPipeError

telemetry.start_logging("mailbox")
server = telemetry.PlainServer(("127.0.0.1", 0), Gone)
threading.Thread(target=server.serve_forever, daemon=True).start()
asking = http.client.HTTPConnection(*server.server_address)
asking.request("GET", "/")
try:
    asking.getresponse()
except http.client.RemoteDisconnected:
    pass
server.server_close()
"""


def test_whoever_asks_an_inner_port_or_the_mailbox_and_goes_leaves_one_structured_line() -> None:
    """The library prints where in its code it was, on many lines."""
    ran = subprocess.run([sys.executable, "-c", BROKEN_OFF], capture_output=True, text=True, check=True)
    said = [json.loads(line) for line in (ran.stdout + ran.stderr).splitlines()]
    assert [(line["event"], line["error"], line["process"]) for line in said] == [("answer.broken_off", "BrokenPipeError", "mailbox")]
