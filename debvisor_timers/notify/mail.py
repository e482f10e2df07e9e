# SPDX-License-Identifier: Apache-2.0
"""Mail, by the sendmail of the host or by a server of SMTP."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from debvisor_timers.jobs.channels import Channel, Security, Smtp
from debvisor_timers.notify.deadline import deadline
from debvisor_timers.notify.message import Message
from debvisor_timers.notify.sending import NotSentError, Way

if TYPE_CHECKING:
    from debvisor_timers.jobs.channels import Mail

SENDMAIL = "/usr/sbin/sendmail"


def tell(channel: Channel, message: Message, way: Way) -> None:
    """Mail the message to all that the channel names; raise NotSentError."""
    if channel.mail is not None:
        send(channel.mail, letter(channel.mail, message), way)


def send(settings: Mail, mail: EmailMessage, way: Way) -> None:
    """Send a mail to all that the settings name; raise NotSentError."""
    if settings.smtp is None:
        _by_sendmail(settings, mail, way)
    else:
        _by_smtp(settings, settings.smtp, mail, way)


def letter(settings: Mail, message: Message) -> EmailMessage:
    """Return the mail; nobody answers it, and no vacation program does either."""
    mail = EmailMessage()
    mail["From"] = _sender(settings)
    mail["To"] = ", ".join(settings.to)
    mail["Subject"] = message.subject
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = f"<{message.id}@{_host()}>" if message.id else make_msgid(domain=_host())
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Debvisor-Event"] = message.event
    if message.is_trouble:
        mail["Importance"] = "high"
    # In 7 bits: not every server takes 8.
    mail.set_content(message.body, cte="quoted-printable")
    return mail


def _sender(settings: Mail) -> str:
    return settings.from_ or f"root@{_host()}"


def _host() -> str:
    return socket.getfqdn() or "localhost"


def _by_sendmail(settings: Mail, mail: EmailMessage, way: Way) -> None:
    command = [SENDMAIL, "-i", "-f", _sender(settings), "--", *settings.to]
    try:
        done = subprocess.run(
            command,
            input=mail.as_bytes(),
            capture_output=True,
            check=False,
            timeout=way.timeout.total_seconds(),
        )
    except FileNotFoundError as error:
        raise NotSentError(
            f"there is no {SENDMAIL}; fix: apt install a mail transport agent, such as"
            " msmtp-mta, or set mail.smtp"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise NotSentError(
            f"{SENDMAIL} did not end within {way.timeout.total_seconds():.0f} s"
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or "it says nothing"
        raise NotSentError(f"{SENDMAIL} ended with exit status {done.returncode}: {said[:300]}")


def _by_smtp(settings: Mail, smtp: Smtp, mail: EmailMessage, way: Way) -> None:
    where = f"{smtp.host}:{smtp.port}"
    password = way.secret(smtp.password)
    servers: list[smtplib.SMTP] = []
    try:
        with deadline(way.timeout, where, lambda: servers[-1].sock if servers else None):
            server = _connected(smtp, way)
            servers.append(server)
            if smtp.user:
                server.login(smtp.user, password)
            refused = server.send_message(mail, _sender(settings), list(settings.to))
            with suppress(smtplib.SMTPException, OSError):
                server.quit()  # the mail is theirs by now, whatever they say to that
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise NotSentError(
            f"{where} takes no mail for {', '.join(error.recipients)}: {code} {_words(text)}",
            concerns_message=True,
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        raise NotSentError(f"{where} refuses the password of {smtp.user}") from error
    except smtplib.SMTPResponseException as error:
        raise NotSentError(
            f"{where} answers {error.smtp_code} {_words(error.smtp_error)}",
            concerns_message=isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500,
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotSentError(f"{where}: {str(error) or type(error).__name__}") from error
    finally:
        for each in servers:
            each.close()
    if refused:
        code, text = next(iter(refused.values()))
        raise NotSentError(
            f"{where} takes no mail for {', '.join(refused)}: {code} {_words(text)}; the others"
            " have it",
            left=tuple(refused),
        )


def _connected(smtp: Smtp, way: Way) -> smtplib.SMTP:
    seconds = way.timeout.total_seconds()
    context = ssl.create_default_context()
    if smtp.security is Security.TLS:
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=seconds, context=context)
    server = smtplib.SMTP(smtp.host, smtp.port, timeout=seconds)
    if smtp.security is Security.STARTTLS:
        try:
            server.starttls(context=context)
        except smtplib.SMTPNotSupportedError as error:
            server.close()
            raise NotSentError(
                f"{smtp.host}:{smtp.port} does not offer STARTTLS; fix: security: tls, or none"
            ) from error
        except BaseException:
            server.close()
            raise
    return server


def _words(text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(plain.split())[:300]
