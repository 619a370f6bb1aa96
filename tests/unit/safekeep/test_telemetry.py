"""Log lines are whole, whoever else writes to the same place."""

import json
import os
import subprocess
import sys

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
