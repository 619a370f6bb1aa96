"""Where blobs are kept: a directory, or any S3 store. Two drivers, a few verbs; a key is ids of ours, never a name from outside."""

import contextlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator
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

    holds: bool
    """Whether the store can hold a blob so that nobody deletes or replaces it (S3 object lock)."""

    blocks: bool
    """Whether its calls hold up everything else in the process (a disk's do), and so are for a thread; the network's give way."""

    def put(self, key: str, data: bytes) -> None:
        """Keep a blob; the same key again replaces it whole."""

    def put_all(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        """Keep blobs by their keys, each asked for as its turn comes. When this returns all are there."""

    def get(self, key: str, *, offset: int, length: int) -> bytes:
        """Return a piece of a blob. Raises KeyError when it is not there."""

    def expect(self, key: str) -> None:
        """Have a blob at hand sooner, since it is asked for next; nothing comes of it where it is not there."""

    def delete(self, key: str) -> None:
        """Forget a blob. One that is not there is no error."""

    def drop(self, folder: str) -> None:
        """Forget all blobs whose keys begin with `folder`, which ends with a slash, as far as the store lets go of them."""

    def hold(self, key: str) -> None:
        """Hold a blob against deletion, where the store `holds`. Raises KeyError when it is not there."""


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

    holds, blocks = False, True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, data: bytes) -> None:
        self.put_all([(key, data)])

    def put_all(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        folders = set()
        for key, data in blobs:
            path = self._folder / key
            folders.add(path.parent)
            self._make(path.parent)
            part = path.with_name(path.name + ".part")
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        for folder in folders:
            _sync(folder)

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

    def expect(self, key: str) -> None:
        with contextlib.suppress(OSError), (self._folder / key).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)  # the kernel reads it meanwhile

    def delete(self, key: str) -> None:
        (self._folder / key).unlink(missing_ok=True)

    def drop(self, folder: str) -> None:
        shutil.rmtree(self._folder / folder, ignore_errors=True)

    def hold(self, key: str) -> None:
        if not (self._folder / key).exists():
            raise KeyError(key)


def _sync(folder: Path) -> None:
    opened_folder = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened_folder)
    finally:
        os.close(opened_folder)


class Bucket:
    """One bucket of an S3 store. Raises Unavailable when the store does not answer, or answers otherwise than it should."""

    blocks = False

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client, self._bucket = client, bucket
        with _answering():
            if not client.bucket_exists(bucket):
                self._make(bucket)
            self.holds = self._is_locking(bucket)

    def _make(self, bucket: str) -> None:
        """Make the bucket, with object lock where the store offers it."""
        try:
            self._client.make_bucket(bucket, object_lock=True)
        except S3Error as error:
            if error.code not in {"NotImplemented", "InvalidArgument", "MethodNotAllowed", "InvalidRequest"}:
                raise
            self._client.make_bucket(bucket)

    def _is_locking(self, bucket: str) -> bool:
        try:
            self._client.get_object_lock_config(bucket)
        except S3Error as error:
            if error.code in {"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "NoSuchObjectLockConfiguration"}:
                return False
            raise
        return True

    def put(self, key: str, data: bytes) -> None:
        with _answering():
            self._client.put_object(self._bucket, key, io.BytesIO(data), len(data))

    def put_all(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        for key, data in blobs:
            self.put(key, data)

    def get(self, key: str, *, offset: int, length: int) -> bytes:
        with _answering(key):
            answer = self._client.get_object(self._bucket, key, offset=offset, length=length)
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

    def expect(self, key: str) -> None:
        pass

    def delete(self, key: str) -> None:
        with _answering():
            self._client.remove_object(self._bucket, key)

    def drop(self, folder: str) -> None:
        with _answering():
            found = list(self._client.list_objects(self._bucket, prefix=folder, recursive=True, include_version=self.holds))
        for each in found:
            with contextlib.suppress(Unavailable), _answering():  # what is held stays, as the noise it is without its key
                self._client.remove_object(self._bucket, each.object_name, version_id=each.version_id if self.holds else None)

    def hold(self, key: str) -> None:
        with _answering(key):
            self._client.stat_object(self._bucket, key)  # not every store says of a hold that there is nothing to hold
            self._client.enable_object_legal_hold(self._bucket, key)


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
