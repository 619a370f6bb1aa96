"""What the mail says: who recorded it, the category, a link, and nothing else. And handing it to the SMTP server."""

import re
import smtplib
import ssl
from binascii import b2a_qp
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, formataddr
from html import escape
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID

import dkim

from safekeep import telemetry

Outcome = Literal["sent", "later", "failed", "nobody"]

Kind = Literal[
    "alert",
    "released",
    "reading_unusual",
    "reading_stopped",
    "glass_broken",
    "content_destroyed",
    "draft_hour",
    "draft_day",
    "draft_a_day",
    "paper",
    "correction_asked",
    "correction_declined",
    "unreached",
    "follow_up_soon",
    "follow_up_due",
    "follow_up_overdue",
    "follow_up_late",
    "follow_up_nobodys",
    "missed",
    "report_made",
    "report_late",
    "report_chair",
    "report_published",
    "request_soon",
    "request_today",
    "request_late",
    "document_ready",
    "document_failed",
]

_NOT_SENT: Final = "A form that was not sent"
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "draft_hour": (_NOT_SENT, "You started a form an hour ago and have not sent it. Nobody has been alerted."),
    "draft_day": (
        _NOT_SENT,
        "You started a form today and have not sent it. Nobody has been alerted. The school day is about to end.",
    ),
    "draft_a_day": (
        _NOT_SENT,
        "A form was started more than a day ago and has not been sent. Only its author can read it. Please ask them.",
    ),
    "paper": (
        "A paper form that is not scanned",
        "A concern was handed in on paper and is not scanned yet, so nobody has been alerted by Safekeep. See “Handed in, not yet scanned”.",
    ),
    "released": (
        "A DSL looks after something you were sent",
        "A DSL has taken over something that you were sent, or that you added to. You can no longer read all of it, and nothing more is asked of "
        "you. If you are worried about a child, tell a DSL in person. The DSL's line to you is here.",
    ),
    "reading_unusual": (
        "Much was read in Safekeep",
        "Somebody at your school has opened an unusual number of records within an hour. Who it was, and what they opened, is listed here, the "
        "most unusual first. Ask them face to face whether it was them.",
    ),
    "reading_stopped": (
        "Much was read in Safekeep",
        "Somebody at your school has opened so many records within an hour that they were stopped for a while. Who it was, and what they opened, "
        "is listed here, the most unusual first. Ask them face to face whether it was them.",
    ),
    "glass_broken": (
        "The trust has opened a record in Safekeep",
        "The trust's safeguarding lead has opened a record of your school, with a reason. Which one, and why, is listed here among what was read. "
        "Do you not know of it? Call them today.",
    ),
    "content_destroyed": (
        "What a record said was destroyed in Safekeep",
        "Two DSLs of your school have had what a record says destroyed for good. That it was there, and on what ground it was destroyed, is still "
        "shown where it stood; who proposed it and who decided, here. Do you not know of it? Ask them today.",
    ),
    "correction_asked": (
        "Something to correct in Safekeep",
        "A member of staff says that something they recorded is wrong, and asks a DSL to correct it.",
    ),
    "unreached": (
        "An e-mail of Safekeep did not arrive",
        "An e-mail to {name} could not be delivered. They may not know that there is something to read in Safekeep.\n"
        "Please tell them in person, and check with them which e-mail address is right.",
    ),
    "follow_up_soon": (
        "Something you are asked to do is due soon",
        "{name} has asked you to do something by the next school day.\nHave you spoken to each other about it? Safekeep is no substitute for that.",
    ),
    "follow_up_due": (
        "Something you are asked to do is due today",
        "{name} has asked you to do something by today.\nHave you spoken to each other about it? Safekeep is no substitute for that.",
    ),
    "follow_up_overdue": (
        "Something you are asked to do is overdue",
        "{name} has asked you to do something, and the day it was due is over. Do it today and write what came of it, or speak to {name} or a DSL.",
    ),
    "follow_up_late": (
        "Something that was asked at your school is overdue",
        "Somebody at your school was asked to do something, and the day it was due is over. See whom, and speak to them.",
    ),
    "follow_up_nobodys": (
        "Something that was asked has nobody to do it",
        "Who was asked to do something has left, or can no longer read it. It waits for a DSL to give it to somebody else.",
    ),
    "missed": (
        "Somebody was not alerted in Safekeep",
        "{name} was to be sent something in Safekeep, and was not: their role had changed before the alert was made. Nothing of it is open to them.\n"
        "If they have to know, or somebody in their place, tell them. It is here.",
    ),
    "report_made": (
        "A report to governors waits for you",
        "The draft of the report for the next meeting of governors is made. Read it, add words if you like, and approve it. "
        "Governors see nothing of it before.",
    ),
    "report_late": (
        "A report to governors is not approved yet",
        "The next meeting of governors is near, and nobody has approved the report for it. Governors see nothing of it before.",
    ),
    "report_chair": (
        "The safeguarding report for the next meeting is late",
        "The next meeting of governors is near, and the safeguarding report for it is not approved yet. The DSLs were reminded. "
        "Please speak to one of them. What was published before is here.",
    ),
    "report_published": ("A safeguarding report was published to governors", "A new report for governors is ready to read. It is here."),
    "request_soon": (
        "A request for information is due soon",
        "Somebody has asked your school for information, and the day by which the law wants it answered is near. It is here.",
    ),
    "request_today": (
        "A request for information is due today",
        "Somebody has asked your school for information, and today is the day by which the law wants it answered. It is here.",
    ),
    "request_late": (
        "A request for information is overdue",
        "Somebody has asked your school for information, and the day by which the law wants it answered is over. Tell them, and answer it now. "
        "It is here.",
    ),
    "document_ready": (
        "A document you asked for is ready",
        "The document that you asked for in Safekeep is made. You can fetch it for a day, with your second factor. It is here.",
    ),
    "document_failed": (
        "A document you asked for could not be made",
        "The document that you asked for in Safekeep could not be made. Why, is said here.",
    ),
    "correction_declined": ("Your request in Safekeep was answered", "You asked a DSL to correct something you recorded. The answer is here."),
}
"""Subject and text by kind: what is waiting, never what it is about."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to be written, with the names it may say."""

    id: UUID
    kind: Kind
    to_name: str
    to_address: str
    from_name: str
    recorded_by: str
    category: str
    link: str


@dataclass(frozen=True, slots=True)
class DomainKey:
    """With what mail is signed (DKIM, RFC 6376), so that who takes it in knows that the domain's owner sent it."""

    domain: str
    selector: str
    private_key: bytes  # PEM: RSA

    @classmethod
    def load(cls, domain: str, selector: str, path: str) -> "DomainKey":
        """Read the key. Raises OSError."""
        return cls(domain, selector, Path(path).read_bytes())


def write(letter: Letter, *, sender: str, now: datetime) -> Message:
    """Write the mail about a record, a draft, a correction, or somebody who was not reached (`recorded_by`: they)."""
    if letter.kind == "alert":
        subject = "Something to read in Safekeep"
        text = f"Recorded by: {letter.recorded_by}\nCategory: {letter.category}\n\n{letter.link}\n"
    else:
        subject, said = _TEXTS[letter.kind]
        text = f"{said.format(name=letter.recorded_by)}\n\n{letter.link}\n"
    to = (letter.to_name, letter.to_address)
    return envelop(letter.id, subject=subject, text=text, to=to, from_name=letter.from_name, sender=sender, now=now)


def nobody(*, school_name: str, telephone: str) -> tuple[str, str]:
    """Return the subject and text that tell the trust's safeguarding lead that an entry reached nobody: the school and a number, no more."""
    number = f"Call the school: {telephone}" if telephone else "Call the school."
    text = (
        f"Something was recorded at {school_name}, and there is nobody there whom Safekeep may alert to it.\n"
        f"Reach a DSL or the head of the school now.\n{number}\n"
    )
    return "A concern at one of your schools has reached nobody", text


TRUST_REPORTS: Final = frozenset({"trust_report_made", "trust_report_late"})


def trust_report(kind: str, *, link: str) -> tuple[str, str]:
    """Return the subject and text that tell the trust's safeguarding lead that the trust's report waits, or is late."""
    if kind == "trust_report_made":
        said = (
            "The report of the trust for the next meeting is being counted. Read it, add words if you like, and approve it. "
            "Nobody else sees anything of it before."
        )
        return "A report of the trust waits for you", f"{said}\n\n{link}\n"
    said = "The next meeting of the trust is near, and its safeguarding report is not approved yet. Nobody else sees anything of it before."
    return "A report of the trust is not approved yet", f"{said}\n\n{link}\n"


def envelop(id: UUID, *, subject: str, text: str, to: tuple[str, str], from_name: str, sender: str, now: datetime, plain: bool = False) -> Message:
    """Return the mail with its headers, as text and as HTML of the same words (`plain`: as text only, for what a program reads).

    Its Message-ID follows from its id, so that a repeated one is known as the same.
    With the library's older classes: the newer ones take six times as long, a tenth of what an incident costs (measured).
    """
    as_text = _part(text, "plain")
    message: Message = as_text
    if not plain:
        message = MIMEMultipart("alternative", boundary=f"=_{id.hex}")  # our own: choosing one reads through every part
        message.attach(as_text)
        message.attach(_part(_html(text), "html"))
    message["Subject"] = subject
    message["From"] = formataddr((from_name, sender))
    message["To"] = formataddr(to)
    message["Message-ID"] = f"<{id}@{sender.rpartition('@')[2]}>"
    message["Date"] = format_datetime(now)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message


def _part(text: str, kind: str) -> Message:
    """Return a part in seven bits, whatever the servers on the way can do. (MIMEText does the same letter by letter.)"""
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(text.encode(), istext=True).decode("ascii"))
    return part


def _html(text: str) -> str:
    """Return the same words as HTML: paragraphs, and addresses as links. Nothing is fetched from anywhere."""
    paragraphs = ("<br>\n".join(map(_line, paragraph.split("\n"))) for paragraph in text.strip().split("\n\n"))
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"></head><body style="font: 16px/1.5 sans-serif">\n{body}\n</body></html>\n'


def _line(line: str) -> str:
    said = escape(line)
    return f'<a href="{said}">{said}</a>' if line.startswith(("https://", "http://")) else said


_SIGNED: Final = [b"from", b"to", b"subject", b"date", b"message-id", b"auto-submitted", b"mime-version", b"content-type"]


def signed(message: Message, key: DomainKey) -> bytes:
    """Return the mail's bytes with its DKIM signature."""
    data = as_sent(message)
    same = {"canonicalize": (b"relaxed", b"relaxed"), "include_headers": _SIGNED}
    return bytes(dkim.sign(data, key.selector.encode(), key.domain.encode(), key.private_key, **same)) + data


class _ShortAsItIs(Compat32):
    """The library's older policy, but for headers that need no folding: it takes long to find that out (docs/performance.md)."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        line = f"{name}: {value}"
        if len(line) <= LONGEST_LINE and line.isascii() and line.isprintable():
            return line.encode() + self.linesep.encode()
        return super().fold_binary(name, value)


LONGEST_LINE: Final = 78  # characters: RFC 5322, 2.1.1
_AS_SENT: Final = _ShortAsItIs(linesep="\r\n")


def as_sent(message: Message) -> bytes:
    """Return the mail's bytes with the ends of lines that SMTP asks for, the last one too."""
    data = message.as_bytes(policy=_AS_SENT)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


class Post:
    """A connection to the SMTP server, kept open between batches."""

    def __init__(self, url: str, *, key: DomainKey | None = None) -> None:
        self._parts, self._key = urlsplit(url), key
        self._smtp: smtplib.SMTP | None = None

    def hand_over(self, message: Message, *, sender: str, to: str) -> Outcome:
        """Hand one mail over. "later" for anything that may pass (4xx, no connection), "failed" for a refusal (5xx)."""
        try:
            smtp = self._connected()
            if smtp.has_extn("pipelining") and to.isascii():
                _send_together(smtp, sender=sender, to=to, content=signed(message, self._key) if self._key else as_sent(message))
            elif self._key is None:
                smtp.send_message(message, from_addr=sender, to_addrs=[to])
            else:
                smtp.sendmail(sender, to, signed(message, self._key))
            return "sent"
        except smtplib.SMTPRecipientsRefused as refused:
            self.close()
            codes = [code for code, _ in refused.recipients.values()]
            return "failed" if all(code >= 500 for code in codes) else "later"
        except smtplib.SMTPResponseException as answer:
            self.close()
            return "failed" if answer.smtp_code >= 500 else "later"
        except (OSError, smtplib.SMTPException) as error:
            telemetry.log().warning("mail.broken_off", error=type(error).__name__)  # a certificate that is not theirs is to be seen by somebody
            self.close()
            return "later"

    def close(self) -> None:
        """Drop the connection; the next mail opens another."""
        if self._smtp is not None:
            try:
                self._smtp.close()
            finally:
                self._smtp = None

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None:
            # smtplib checks no certificate by itself: whoever stands between would be told the password, and read every mail
            checking, host = ssl.create_default_context(), self._parts.hostname or "localhost"
            if self._parts.scheme == "smtps":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, self._parts.port or smtplib.SMTP_SSL_PORT, timeout=10, context=checking)
            else:
                smtp = smtplib.SMTP(host, self._parts.port or (587 if self._parts.scheme == "smtp+starttls" else 25), timeout=10)
            if self._parts.scheme == "smtp+starttls":
                smtp.starttls(context=checking)
            if self._parts.username:
                smtp.login(unquote(self._parts.username), unquote(self._parts.password or ""))
            smtp.ehlo_or_helo_if_needed()
            self._smtp = smtp
        return self._smtp


def _send_together(smtp: smtplib.SMTP, *, sender: str, to: str, content: bytes) -> None:
    """Send one mail, saying from whom and to whom in one go, as the server offers (RFC 2920): two round trips instead of four.

    Raises as smtplib's own sending does. The connection is to be closed then: the server may be waiting for a mail's content.
    """
    size = f" size={len(content)}" if smtp.has_extn("size") else ""
    said = f"mail FROM:{smtplib.quoteaddr(sender)}{size}", f"rcpt TO:{smtplib.quoteaddr(to)}", "data"
    smtp.send("".join(f"{line}\r\n" for line in said))
    taken, found, wanted = smtp.getreply(), smtp.getreply(), smtp.getreply()
    if taken[0] != 250:
        raise smtplib.SMTPSenderRefused(*taken, sender)
    if found[0] not in {250, 251}:
        raise smtplib.SMTPRecipientsRefused({to: found})
    if wanted[0] != 354:
        raise smtplib.SMTPDataError(*wanted)
    smtp.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
    kept = smtp.getreply()
    if kept[0] != 250:
        raise smtplib.SMTPDataError(*kept)
