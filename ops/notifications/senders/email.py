"""E-mail, by the mail server that EMAIL_URL names.

What arrives twice has the same Message-ID, by which mail programs show it once.
"""

import smtplib
from contextlib import suppress
from email.utils import parseaddr

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.template.loader import render_to_string

from ops.models import Channel
from ops.notifications.senders.base import Message, Refused, TryAgain, Unreachable
from ops.reports.mailing import Enclosure, enclosed


def send(channel: Channel, message: Message) -> str:
    """Hand it to the mail server, and return its Message-ID."""
    address = channel.owner.email if channel.follows_owner else channel.target.reveal()
    if not address:
        raise Refused("its owner has no e-mail address")
    mail = mail_of(message, address, enclosure_of(message, channel))
    connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
    try:
        connection.open()
        if server := getattr(connection, "connection", None):
            server.ehlo_or_helo_if_needed()  # else the greeting is part of the first mail, which would be to blame
    except (smtplib.SMTPException, OSError) as error:  # a wrong password, too: of that no message is to blame
        raise Unreachable(f"the mail server: {_told(error)}") from None
    try:
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as error:
        [(code, said)] = error.recipients.values()
        raise _bad_news(code, said) from None
    except smtplib.SMTPSenderRefused as error:
        raise Unreachable(f"the mail server refuses our sender: {error.smtp_code}") from None
    except smtplib.SMTPResponseException as error:
        raise _bad_news(error.smtp_code, error.smtp_error) from None
    except (smtplib.SMTPException, OSError) as error:  # it may have arrived all the same
        raise TryAgain(f"the mail server: {_told(error)}") from None
    except UnicodeError:
        raise Refused("the address has characters that no mail server takes") from None
    finally:
        with suppress(
            smtplib.SMTPException, OSError, SoftTimeLimitExceeded
        ):  # it was taken; a slow farewell changes nothing
            connection.close()
    return str(mail.extra_headers["Message-ID"])


def check(target: str) -> None:
    """Whether it looks like an address; that it is its owner's a code will show."""
    try:
        validate_email(target)
    except ValidationError as error:
        raise ValueError("this is no e-mail address; anna@example.com is one") from error


def hint(target: str) -> str:
    """Its first letter and its domain."""
    name, _, domain = target.rpartition("@")
    return f"{name[:1]}…@{domain}" if target else "the address of the account"


def enclosure_of(message: Message, channel: Channel) -> Enclosure | None:
    """What goes along with news of a report; many news in one mail are just told."""
    return None if message.data.get("bundled") else enclosed(message.data.get("report"), channel.owner)


def mail_of(message: Message, address: str, enclosure: Enclosure | None = None) -> EmailMultiAlternatives:
    """The mail in text and HTML."""
    settings_url = f"{settings.SITE_URL}/admin/ops/channel/" if settings.SITE_URL else ""
    context = {"message": message, "settings_url": settings_url, "enclosure": enclosure}
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    leave = settings_url or f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}?subject=unsubscribe"
    mail = EmailMultiAlternatives(
        subject=" ".join(f"[TradeBot] {message.title}".split()),
        body=render_to_string("mail/notification.txt", context),
        to=[address],
        headers={
            "Message-ID": f"<{message.id}@{domain}>",
            "List-Unsubscribe": f"<{leave}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("mail/notification.html", context), "text/html")
    if enclosure:
        mail.attach(enclosure.file_name, enclosure.file, "text/csv")
    return mail


def _bad_news(code: int, said: bytes | str) -> TryAgain | Refused:
    """4xx is for now, 5xx for ever (RFC 5321)."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    text = f"the mail server says {code} {text}"[:200]
    return Refused(text) if code >= 500 else TryAgain(text)


def _told(error: Exception) -> str:
    """What is wrong, without what the server has quoted of our password."""
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()
