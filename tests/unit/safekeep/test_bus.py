"""The seal on every message body: nothing readable, nothing forged, and a decoder that never raises."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safekeep import bus
from safekeep.bus import Sealed, Unreadable
from safekeep.keys import Keys, ensure_ring

WORDS = "I really don't want to go home today"


@pytest.fixture
def keys(keys_folder: Path) -> Keys:
    return Keys.load(keys_folder / "process" / "relay.json")


def sealed(keys: Keys, body: Any) -> bytes:
    return bus.seal(keys=keys, body=body, owner="incidents", type_="incidents.incident.recorded", message_id="m1")


def test_what_is_sealed_comes_back_with_its_header_and_shows_no_word(keys: Keys) -> None:
    data = sealed(keys, {"text": WORDS})
    opened = bus.unseal(keys=keys, data=data)
    assert isinstance(opened, Sealed)
    assert (dict(opened), opened.header["owner"], opened.header["id"]) == ({"text": WORDS}, "incidents", "m1")
    assert not any(word.encode() in data for word in WORDS.split() if len(word) > 3)
    assert sealed(keys, {"text": WORDS}) != data


def test_any_changed_byte_is_noticed(keys: Keys) -> None:
    """Each byte in turn, those of the clear header too, since it is bound in."""
    data = sealed(keys, {"a": 1})
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert isinstance(bus.unseal(keys=keys, data=changed), Unreadable), place


def test_a_truncated_message_is_unreadable_at_every_length(keys: Keys) -> None:
    data = sealed(keys, {"a": 1})
    assert all(isinstance(bus.unseal(keys=keys, data=data[:length]), Unreadable) for length in range(len(data)))


def test_a_message_of_another_ring_is_forged(keys: Keys, tmp_path: Path) -> None:
    """The same key id, another key."""
    ensure_ring(tmp_path)
    data = sealed(Keys.load(tmp_path / "process" / "relay.json"), {"a": 1})
    assert bus.unseal(keys=keys, data=data) == Unreadable(reason="forged_or_damaged")


def test_an_unknown_key_is_named_as_such(keys: Keys) -> None:
    header = json.dumps({"kid": "bus-99", "owner": "x", "type": "x", "id": "x"}).encode()
    data = b"SK1" + len(header).to_bytes(2, "big") + header + bytes(40)
    assert bus.unseal(keys=keys, data=data) == Unreadable(reason="unknown_key")


def test_a_signing_keys_id_opens_nothing(keys: Keys) -> None:
    header = json.dumps({"kid": "actors-1"}).encode()
    data = b"SK1" + len(header).to_bytes(2, "big") + header + bytes(40)
    assert isinstance(bus.unseal(keys=keys, data=data), Unreadable)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_the_decoder_never_raises(keys: Keys, data: bytes) -> None:
    """nameko acknowledges, and so loses, a message whose decoder raises."""
    for given_data in (
        data,
        b"SK1" + data,
        b"SK1\x00\x02{}" + data,
        b"SK1\x00\x04null" + data,
        b"SK1\x00\x02[]" + data,
        b"SK1\x00\x0b" + b'{"kid": []}' + data,
    ):
        assert isinstance(bus.unseal(keys=keys, data=given_data), Unreadable)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    )
)
def test_any_json_comes_back_as_it_was(keys: Keys, body: Any) -> None:
    assert bus.unseal(keys=keys, data=sealed(keys, body)) == body


def test_kombus_encoder_and_decoder_use_the_processs_keys(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "_keys", keys)
    assert bus.decode(memoryview(bus.encode({"a": [1, None]}))) == {"a": [1, None]}
    assert isinstance(bus.decode("plain text"), Unreadable)
