"""The demonstration's mailbox reads every mail as the library would, and plain addresses as aiosmtpd would."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import SMTP

from deploy.local.mailbox import Taking, read
from safekeep.ids import new_id
from services.alerts import mail

SAID = {"subject": "Ein Größe", "text": "Ünder\n\n--\nhttps://a.example/\n.\n", "to": ("Ann Bö", "a@one.example"), "from_name": "Hill, 1"}


def as_sent(*, plain: bool) -> bytes:
    same = {"sender": "safekeep@one.example", "now": datetime(2026, 3, 1, tzinfo=UTC), "plain": plain}
    return mail.as_sent(mail.envelop(new_id(), **SAID, **same))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        as_sent(plain=False),
        as_sent(plain=True),
        b"Subject: A subject\n\nA text\n",
        b"Subject: HTML only\r\nContent-Type: text/html\r\n\r\n<p>A text</p>\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno part\r\n--x\r\n\r\nfirst\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>\r\n--x--\r\n",
        b"no header at all",
        b"",
    ],
)
def test_a_mail_says_what_the_library_reads_in_it(content: bytes) -> None:
    headers, text = read(content)
    whole = message_from_bytes(content)
    plain = next((part for part in whole.walk() if part.get_content_type() == "text/plain"), None)
    said = bytes(plain.get_payload(decode=True) or b"").decode(plain.get_content_charset("utf-8")) if plain is not None else ""
    assert text == said.replace("\r\n", "\n")
    assert headers.items() == whole.items()


def test_the_words_of_a_mail_of_ours_are_all_there() -> None:
    content = as_sent(plain=False)
    assert read(content)[1].strip() == SAID["text"].strip()  # type: ignore[attr-defined]
    assert message_from_bytes(content, policy=policy.default)["subject"] == SAID["subject"]


@pytest.mark.parametrize(
    "said",
    ["<a.b+c@one.example>", "<a@one.example> size=120 body=8bitmime", "a@one.example", "<>", "", '<"a b"@one.example>', "<a@one", "<@@>", "<.a@b>"],
)
def test_an_address_is_read_as_the_library_reads_it(said: str) -> None:
    taking = Taking.__new__(Taking)
    taking.local_part_limit = 0
    assert taking._getaddr(said) == SMTP._getaddr(taking, said)
