"""Both stores keep their promises alike: a folder, and a real S3 server, with object lock and without."""

import os
from pathlib import Path

import pytest
from minio.error import S3Error

from deploy.local.servers import free_port
from safekeep.errors import Unavailable
from safekeep.ids import new_id
from services.files import objects
from tests.services.files.conftest import WithoutLock


@pytest.fixture(params=["folder", "s3", "s3 without lock"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> objects.Objects:
    if request.param == "folder":
        return objects.opened(f"file://{tmp_path}/kept")
    if request.param == "s3":
        return objects.opened(request.getfixturevalue("s3"))
    return objects.opened(a_bucket(request.getfixturevalue("s3_without_lock").url))


def a_bucket(url: str) -> str:
    """Return the address of a bucket of this store that is not there yet."""
    return url.replace("/evidence?", f"/evidence-{new_id()}?")


def test_what_was_put_is_got_whole_and_in_pieces(store: objects.Objects) -> None:
    data = bytes(range(256)) * 8_000
    store.put("school/file/000000", data)
    assert store.get("school/file/000000", offset=0, length=len(data)) == data
    assert store.get("school/file/000000", offset=1_000, length=300) == data[1_000:1_300]
    assert store.get("school/file/000000", offset=len(data) - 5, length=5) == data[-5:]


def test_the_same_key_again_replaces_it_whole(store: objects.Objects) -> None:
    store.put("school/again/000000", b"a long first one")
    store.put("school/again/000000", b"short")
    assert store.get("school/again/000000", offset=0, length=100) == b"short"


def test_what_is_not_there_is_a_key_error_and_deleting_it_is_none(store: objects.Objects) -> None:
    with pytest.raises(KeyError):
        store.get("school/none/000000", offset=0, length=1)
    store.delete("school/none/000000")
    store.put("school/gone/000000", b"x")
    store.delete("school/gone/000000")
    with pytest.raises(KeyError):
        store.get("school/gone/000000", offset=0, length=1)


def test_what_is_held_is_there_whoever_drops_or_replaces_it_and_a_store_without_lock_says_that_it_cannot_hold(store: objects.Objects) -> None:
    """S3's legal hold on the very bytes: not our driver, and not somebody with its password, takes them away."""
    store.put("school/held/000000", b"evidence")
    store.put("school/held/000001", b"not held")
    if not store.holds:
        store.drop("school/held/")
        with pytest.raises(KeyError):
            store.get("school/held/000000", offset=0, length=10)
        return
    store.hold("school/held/000000")
    with pytest.raises(KeyError):
        store.hold("school/none/000000")
    assert isinstance(store, objects.Bucket)
    client, bucket = store._client, store._bucket
    (held,) = client.list_objects(bucket, prefix="school/held/000000", include_version=True)
    store.put("school/held/000000", b"something else")
    store.delete("school/held/000000")
    store.drop("school/held/")
    with pytest.raises(S3Error) as refused:
        client.remove_object(bucket, "school/held/000000", version_id=held.version_id)
    assert refused.value.code == "AccessDenied"
    kept = client.get_object(bucket, "school/held/000000", version_id=held.version_id)
    assert kept.read() == b"evidence"
    left = [(each.object_name, each.version_id) for each in client.list_objects(bucket, prefix="school/held/", recursive=True, include_version=True)]
    assert left == [("school/held/000000", held.version_id)], "all that was not held is gone"


@pytest.mark.parametrize("code", ["NotImplemented", "InvalidArgument", "MethodNotAllowed", "InvalidRequest"])
def test_a_store_that_offers_no_lock_gets_a_bucket_without_one(s3_without_lock: WithoutLock, code: str) -> None:
    """Lock is asked for first; whichever way the store refuses that, evidence is kept there, and the driver says that nothing is held."""
    s3_without_lock.code = code
    url = a_bucket(s3_without_lock.url)
    store = objects.opened(url)
    assert isinstance(store, objects.Bucket)
    assert [verb for verb, _ in s3_without_lock.asked].count("PUT") == 2, "with lock, then without"
    assert not store.holds
    store.put("school/file/000000", b"evidence")
    assert store.get("school/file/000000", offset=0, length=8) == b"evidence"
    assert not objects.opened(url).holds, "nor when the bucket is there already"


def test_a_bucket_that_was_made_without_lock_is_used_as_it_is(s3: str) -> None:
    """By an operator, on a store that offers lock: SeaweedFS's own answers, nothing between."""
    with_lock = objects.opened(s3)
    assert isinstance(with_lock, objects.Bucket)
    assert with_lock.holds
    url = a_bucket(s3)
    with_lock._client.make_bucket(url.rpartition("/")[2].partition("?")[0])
    assert not objects.opened(url).holds


def test_another_refusal_of_a_bucket_is_not_taken_for_a_store_without_lock(s3_without_lock: WithoutLock) -> None:
    s3_without_lock.code = "AccessDenied"
    with pytest.raises(Unavailable):
        objects.opened(a_bucket(s3_without_lock.url))
    assert [verb for verb, _ in s3_without_lock.asked].count("PUT") == 1, "evidence would lie unlocked where lock was only forbidden to us"


def test_an_s3_store_that_is_away_is_said_without_its_address_or_key() -> None:
    with pytest.raises(Unavailable) as away:
        objects.opened(f"s3://user:secret@127.0.0.1:{free_port()}/evidence?secure=0")
    assert away.value.args == ("files", "unknown")
    assert away.value.__cause__ is None


def test_a_wrong_password_is_not_a_missing_file(s3: str) -> None:
    with pytest.raises(Unavailable):
        objects.opened(s3.replace("pass%2Fword%2B", "wrong"))


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with file:// or s3://"):
        objects.opened("ftp://somewhere")


def test_a_folder_has_the_bytes_their_name_and_each_new_folder_on_the_disk_before_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it gets its name, its folder after that; of a new folder also the one above."""
    store, done, sync = objects.Directory(tmp_path), [], os.fsync

    def noted(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix(f"{tmp_path}").lstrip("/"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    store.put("school/file/s000000", b"one")
    assert done == ["", "school", "school/file/s000000.part", "school/file"]
    del done[:]
    store.put("school/file/s000001", b"two")
    assert done == ["school/file/s000001.part", "school/file"]


def test_blobs_that_are_put_together_are_all_on_the_disk_under_their_names_before_the_folder_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its bytes on the disk before its name; the folder follows once, after the last name."""
    store, done, sync = objects.Directory(tmp_path), [], os.fsync
    store.put("school/file/s000000", b"zero")

    def noted(descriptor: int) -> None:
        done.append(
            (os.readlink(f"/proc/self/fd/{descriptor}").rpartition("/")[2], sorted(path.name for path in (tmp_path / "school/file").iterdir()))
        )
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    store.put_all([("school/file/s000001", b"one"), ("school/file/s000002", b"two")])
    assert done == [
        ("s000001.part", ["s000000", "s000001.part"]),
        ("s000002.part", ["s000000", "s000001", "s000002.part"]),
        ("file", ["s000000", "s000001", "s000002"]),
    ]


def test_blobs_that_are_put_together_are_all_got(store: objects.Objects) -> None:
    store.put_all((f"school/many/{number:06d}", str(number).encode()) for number in range(5))
    assert [store.get(f"school/many/{number:06d}", offset=0, length=9) for number in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_to_expect_a_blob_changes_nothing_of_it_and_one_that_is_not_there_is_no_error(store: objects.Objects) -> None:
    store.put("school/soon/000000", b"whole")
    store.expect("school/soon/000000")
    store.expect("school/soon/000001")
    assert store.get("school/soon/000000", offset=0, length=9) == b"whole"
    with pytest.raises(KeyError):
        store.get("school/soon/000001", offset=0, length=9)
