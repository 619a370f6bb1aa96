"""Where blobs are kept: a directory, or any S3 store. Two drivers, three verbs; a key is ids of ours, never a name from outside."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from safekeep.errors import Unavailable


class Objects(Protocol):
    """What both drivers do."""

    def put(self, key: str, data: bytes) -> None:
        """Keep a blob; the same key again replaces it whole."""

    def get(self, key: str, *, offset: int, length: int) -> bytes:
        """Return a piece of a blob. Raises KeyError when it is not there."""

    def delete(self, key: str) -> None:
        """Forget a blob. One that is not there is no error."""


def opened(url: str) -> Objects:
    """Return the driver for file:///folder or s3://key:secret@host:port/bucket?secure=0."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Directory(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        secure = parse_qs(parts.query).get("secure", ["1"])[0] == "1"
        host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        calls = PoolManager(timeout=Timeout(connect=3, read=20), retries=Retry(total=2, backoff_factor=0.2))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return Bucket(Minio(host, access_key=user, secret_key=password, secure=secure, http_client=calls), parts.path.strip("/"))
    raise ValueError("OBJECT_STORE_URL begins with file:// or s3://")


class Directory:
    """Files in a folder: written beside, synced, then renamed, so that a blob is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, data: bytes) -> None:
        path = self._folder / key
        self._make(path.parent)
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, each named durably in the one above."""
        if not folder.exists():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)

    def get(self, key: str, *, offset: int, length: int) -> bytes:
        try:
            with (self._folder / key).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except FileNotFoundError:
            raise KeyError(key) from None

    def delete(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    opened_folder = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened_folder)
    finally:
        os.close(opened_folder)


class Bucket:
    """One bucket of an S3 store. Raises Unavailable when the store does not answer, or answers otherwise than it should."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client, self._bucket = client, bucket
        with _answering():
            if not client.bucket_exists(bucket):
                client.make_bucket(bucket)

    def put(self, key: str, data: bytes) -> None:
        with _answering():
            self._client.put_object(self._bucket, key, io.BytesIO(data), len(data))

    def get(self, key: str, *, offset: int, length: int) -> bytes:
        with _answering(key):
            answer = self._client.get_object(self._bucket, key, offset=offset, length=length)
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

    def delete(self, key: str) -> None:
        with _answering():
            self._client.remove_object(self._bucket, key)


@contextmanager
def _answering(key: str = "") -> Iterator[None]:
    """Turn the client's errors into ours: they quote addresses and keys."""
    try:
        yield
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise KeyError(key) from None
        raise Unavailable("files", "unknown") from None
    except (HTTPError, MinioException, OSError):
        raise Unavailable("files", "unknown") from None
