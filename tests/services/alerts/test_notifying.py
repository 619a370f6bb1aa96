"""Notifying browsers: sealed as RFC 8291 says, from who RFC 8292 says, only where the operator lets us, and what becomes of it."""

import base64
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from safekeep import clock
from safekeep.contracts.alerts import DropDevice, KeepDevice, Notifications, TryDevice
from safekeep.contracts.incidents import EntryRestricted
from safekeep.errors import Invalid
from safekeep.ids import new_id
from safekeep.rpc import Resources
from safekeep.settings import PUSH_HOSTS
from services.alerts import notifying
from tests.services.alerts.smtp import Server
from tests.services.alerts.test_alerts import Alerts

REAL = PUSH_HOSTS.split()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def opened(body: bytes, *, key: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """Read a message as a browser does: RFC 8291 section 3.4, then RFC 8188. Written from the RFCs, apart from the library that seals."""
    salt, length = body[:16], body[20]
    size = int.from_bytes(body[16:20], "big")
    theirs, sealed = body[21 : 21 + length], body[21 + length :]
    assert len(sealed) <= size
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    info = b"WebPush: info\0" + point(key.public_key()) + theirs
    ikm = HKDF(hashes.SHA256(), 32, secret, info).derive(shared)
    content_key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(ikm)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(ikm)
    padded = AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\0")
    assert padded.endswith(b"\x02"), "the last record ends with 2"
    return padded[:-1]


class Browser:
    """A browser's keys, and the push service of its maker on loopback, which remembers what it was handed."""

    def __init__(self) -> None:
        self.key, self.secret = ec.generate_private_key(ec.SECP256R1()), bytes(range(16))
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        browser = self

        class Service(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                browser.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = browser.answers.pop(0) if browser.answers else 201
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", browser.endpoint + "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.endpoint = f"{self.origin}/push/{'x' * 150}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def subscription(self, **other: str) -> KeepDevice:
        fields = {"endpoint": self.endpoint, "p256dh": b64(point(self.key.public_key())), "auth": b64(self.secret), "device": "Chrome, Android"}
        return KeepDevice(id=new_id(), **(fields | other))


@pytest.fixture
def browser() -> Iterator[Browser]:
    found = Browser()
    yield found
    found.close()


@pytest.fixture
def smtp() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def alerts(resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any, smtp: Server) -> Alerts:
    found = Alerts(resources, ask_service, token_for, service_token_for, smtp.url)
    found.resources.settings = found.resources.settings.model_copy(update={"push_hosts": (*REAL, "http://127.0.0.1")})
    return found


def devices(alerts: Alerts, role: str = "dsl") -> list[Any]:
    return list(alerts.ask(role, Notifications()).items)


def test_the_vector_of_rfc_8291_is_read_by_the_reader_of_these_tests() -> None:
    """Appendix A: so that what the reader below says of our own messages means something."""
    private = int.from_bytes(unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    body = unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXz"
        "tLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    key = ec.derive_private_key(private, ec.SECP256R1())
    assert opened(body, key=key, secret=unb64("BTBZMqHH6r4Tts7J_aSIgg")) == b"When I grow up, I want to be a watermelon"


def test_an_alert_notifies_each_browser_of_who_is_alerted_and_says_nothing(alerts: Alerts, browser: Browser) -> None:
    alerts.ask("dsl", browser.subscription())
    alerts.recorded("dsl", "deputy_dsl")
    alerts.service.notify()
    ((headers, body),) = browser.taken
    assert opened(body, key=browser.key, secret=browser.secret) == b'{"alert":true}'
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["ttl"] == "14400"
    assert headers["urgency"] == "high"
    assert devices(alerts)[0].sent_at is not None
    alerts.service.notify()
    assert len(browser.taken) == 1, "once"


def test_who_is_told_anew_of_what_they_were_told_of_before_is_notified_anew(alerts: Alerts, browser: Browser) -> None:
    alerts.ask("dsl", browser.subscription())
    incident = alerts.recorded("dsl")
    alerts.service.notify()
    kept = {"entry_ids": [incident], "kept_to": [alerts.people["slt"], alerts.people["dsl"]], "told": [alerts.people["dsl"]]}
    said = {"author_id": alerts.people["teacher"], "category": "safeguarding_concern", "class_code": "safeguarding"}
    alerts.hear(alerts.event(EntryRestricted, subject=incident, incident_id=incident, entry_id=incident, **kept, **said))
    alerts.service.notify()
    assert len(browser.taken) == 2


def test_it_is_said_who_sends_it_signed_with_the_key_that_the_page_asked_with(alerts: Alerts, browser: Browser) -> None:
    """RFC 8292, checked by hand: the token's audience, end and signature."""
    alerts.ask("dsl", browser.subscription())
    alerts.recorded("dsl")
    alerts.service.notify()
    said = browser.taken[0][0]["authorization"]
    assert said.startswith("vapid ")
    parts = dict(part.strip().split("=", 1) for part in said.removeprefix("vapid ").split(","))
    assert parts["k"] == alerts.ask("dsl", Notifications()).key
    head, claims, signature = parts["t"].split(".")
    raw = unb64(signature)
    encoded = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
    key.verify(encoded, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    found = json.loads(unb64(claims))
    assert found["aud"] == browser.origin
    assert found["sub"] == "https://safekeep.example"
    assert 0 < found["exp"] - clock.now().timestamp() <= 24 * 3600


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(alerts: Alerts, browser: Browser, status: int) -> None:
    alerts.ask("dsl", browser.subscription())
    browser.answers.append(status)
    alerts.recorded("dsl")
    alerts.service.notify()
    assert devices(alerts) == []


@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_a_push_service_that_cannot_now_is_asked_again_later_and_given_up_in_the_end(alerts: Alerts, browser: Browser, status: int) -> None:
    """A redirect is not followed: it counts as not now."""
    alerts.ask("dsl", browser.subscription())
    browser.answers += [status] * 20
    alerts.recorded("dsl")
    now = dt.datetime.now(dt.UTC)
    for hour in range(10):
        with clock.set_to(now + dt.timedelta(hours=2 * hour)):
            alerts.service.notify()
    assert len(browser.taken) == notifying.MAX_ATTEMPTS
    assert len(devices(alerts)) == 1, "the next alert tries it again"
    browser.answers.clear()
    alerts.recorded("dsl")
    with clock.set_to(now + dt.timedelta(hours=30)):
        alerts.service.notify()
    assert len(browser.taken) == notifying.MAX_ATTEMPTS + 1


def test_a_push_service_that_hangs_holds_up_no_mail(alerts: Alerts, browser: Browser, smtp: Server) -> None:
    """The two are sent by timers of their own: mail goes while the notification is still due."""
    alerts.ask("dsl", browser.subscription())
    alerts.recorded("dsl")
    alerts.send()
    assert len(smtp.taken) == 1
    assert browser.taken == []


def test_a_browser_is_notified_to_try_it_and_no_more_once_it_is_stopped_and_each_has_their_own(alerts: Alerts, browser: Browser) -> None:
    kept = alerts.ask("dsl", browser.subscription())
    alerts.ask("slt", TryDevice(device_to_try=kept.id))
    alerts.service.notify()
    assert browser.taken == []
    alerts.ask("dsl", TryDevice(device_to_try=kept.id))
    alerts.service.notify()
    assert len(browser.taken) == 1
    alerts.ask("slt", DropDevice(device_to_drop=kept.id))
    assert len(devices(alerts)) == 1
    alerts.ask("dsl", DropDevice(device_to_drop=kept.id))
    assert devices(alerts) == []
    alerts.recorded("dsl")
    alerts.service.notify()
    assert len(browser.taken) == 1


def test_a_shared_browser_is_notified_for_who_allowed_it_last(alerts: Alerts, browser: Browser) -> None:
    alerts.ask("dsl", browser.subscription())
    alerts.ask("slt", browser.subscription())
    assert (len(devices(alerts, "dsl")), len(devices(alerts, "slt"))) == (0, 1)
    alerts.recorded("dsl", class_code="welfare")
    alerts.service.notify()
    assert browser.taken == []


def test_who_has_left_is_notified_nowhere(alerts: Alerts, browser: Browser) -> None:
    alerts.ask("slt", browser.subscription())
    alerts.staff("slt", active=False)
    assert devices(alerts, "slt") == []


@pytest.mark.parametrize(
    ("endpoint", "is_let"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://fcm.googleapis.com:443/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", True),
        ("https://web.push.apple.com/QAbc", True),
        ("https://db5p.notify.windows.com/w/?token=abc", True),
        ("http://fcm.googleapis.com/fcm/send/abc", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://fcm.googleapis.com.evil.example/x", False),
        ("https://evilnotify.windows.com/x", False),
        ("https://notify.windows.com.evil.example/x", False),
        ("https://fcm.googleapis.com@evil.example/x", False),
        ("https://user:word@fcm.googleapis.com/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://localhost/x", False),
        ("https://rabbitmq:15672/api", False),
        ("file:///etc/passwd", False),
        ("gopher://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com\\@evil.example/x", False),
        ("https://fcm.googleapis.com/ x\r\nHost: evil.example", False),
        ("https://fcm.googleapis.com:port/x", False),
        ("https:///x", False),
        ("", False),
        ("https://fcm。googleapis。com/x", False),
    ],
)
def test_only_the_push_services_that_the_operator_lets_us_reach_are_reached(endpoint: str, is_let: bool) -> None:
    assert notifying.is_let(endpoint, REAL) is is_let


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"endpoint": "https://evil.example/x"}, {"endpoint": "unknown_choice"}),
        ({"p256dh": ""}, {"p256dh": "invalid"}),
        ({"p256dh": "not base64 é"}, {"p256dh": "invalid"}),
        ({"p256dh": b64(b"\x04" + bytes(64))}, {"p256dh": "invalid"}),
        ({"auth": b64(bytes(15))}, {"auth": "invalid"}),
        ({"auth": "☃"}, {"auth": "invalid"}),
    ],
)
def test_what_is_no_subscription_is_refused(alerts: Alerts, browser: Browser, other: dict[str, str], problem: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        alerts.ask("dsl", browser.subscription(**other))
    assert refused.value.problems == problem


def test_ten_browsers_are_enough(alerts: Alerts, browser: Browser) -> None:
    for number in range(10):
        alerts.ask("dsl", browser.subscription(endpoint=f"{browser.endpoint}{number}"))
    with pytest.raises(Invalid, match=r"too_many|Invalid"):
        alerts.ask("dsl", browser.subscription(endpoint=f"{browser.endpoint}more"))
    alerts.ask("dsl", browser.subscription(endpoint=f"{browser.endpoint}3"))  # known already


def test_an_endpoint_that_the_operator_lets_us_reach_no_more_is_dropped(alerts: Alerts, browser: Browser) -> None:
    alerts.ask("dsl", browser.subscription())
    alerts.resources.settings = alerts.resources.settings.model_copy(update={"push_hosts": tuple(REAL)})
    alerts.recorded("dsl")
    alerts.service.notify()
    assert browser.taken == []
    assert devices(alerts) == []
