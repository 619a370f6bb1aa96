"""What the gateway asks its server for when a file arrives."""

import io
import os

import pytest
from flask import Flask, request
from werkzeug.test import EnvironBuilder

from gateway.streams import Arriving, Spool
from safekeep.contracts.files import PIECE


class Server:
    """A server's body of a request, which notes how much is asked for at a time."""

    def __init__(self, body: bytes) -> None:
        self._body, self.asked = io.BytesIO(body), list[int]()

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        return self._body.read(size)


def test_a_form_with_a_long_file_is_taken_from_the_server_a_piece_at_a_time_and_arrives_as_it_was() -> None:
    """The form's parser asks for 64 KiB at a time: the server would copy all it holds with each of them."""
    sent = bytes(range(256)) * (5 * PIECE // 256) + b"end"
    app = Flask("arriving")
    app.request_class = Arriving
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="film.mp4"\r\n\r\n'
    body = head + sent + b'\r\n--cut\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--cut--\r\n'
    environ = EnvironBuilder(method="POST").get_environ()
    environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "multipart/form-data; boundary=cut"}
    server = Server(body)
    with app.request_context(environ | {"wsgi.input": server}):
        assert request.files["file"].read() == sent
        assert request.form["name"] == "a"
        request.files["file"].close()
    assert server.asked[:5] == [PIECE] * 5
    assert len(server.asked) == 6


def test_what_a_form_sent_is_noise_on_the_disk_and_read_from_anywhere() -> None:
    sent = os.urandom(100_003)
    spool = Spool()
    for start in range(0, len(sent), 9_999):
        spool.write(sent[start : start + 9_999])
    lying = os.pread(spool._file.fileno(), len(sent), 0)
    assert len(lying) == spool.tell() == len(sent)
    assert not any(lying[start : start + 16] in sent for start in range(0, len(lying), 16))
    for offset in (0, 1, 15, 16, 17, 4_096, 99_999, len(sent)):
        spool.seek(offset)
        assert spool.read(5_000) == sent[offset : offset + 5_000]
    assert (spool.seek(-3, os.SEEK_END), spool.read()) == (len(sent) - 3, sent[-3:])
    other = Spool()
    other.write(sent)
    assert os.pread(other._file.fileno(), len(sent), 0) != lying, "each has a key of its own"
    spool.seek(10)
    with pytest.raises(io.UnsupportedOperation):
        spool.write(b"over what stands there")
    for each in (spool, other):
        each.close()


def test_every_file_of_a_form_is_spooled_so_however_short_or_long() -> None:
    for size in (10, 300_000):
        app = Flask("arriving")
        app.request_class = Arriving
        with app.test_request_context(method="POST", data={"file": (io.BytesIO(b"x" * size), "a.txt")}):
            stream = request.files["file"].stream
            assert isinstance(stream, Spool)
            assert stream.read() == b"x" * size
            stream.close()


def test_a_body_without_a_form_is_read_to_its_end_and_no_further() -> None:
    app = Flask("arriving")
    app.request_class = Arriving
    server = Server(b"x" * (PIECE + 7) + b"of the next request")
    environ = EnvironBuilder(method="POST").get_environ() | {"wsgi.input": server, "CONTENT_LENGTH": str(PIECE + 7)}
    with app.request_context(environ):
        assert [len(request.stream.read(PIECE)) for _ in range(3)] == [PIECE, 7, 0]
