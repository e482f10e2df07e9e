# SPDX-License-Identifier: Apache-2.0
"""generate_report: the report on all jobs, to a file or by mail."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from debvisor_timers.jobs.channels import CREDENTIALS, Mail
from debvisor_timers.jobs.config import CONFIG_NAME, load_config
from debvisor_timers.layout import Layout
from debvisor_timers.notify import mail as mailing
from debvisor_timers.notify.sending import NotSentError, Way
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.durable import replace_file
from debvisor_timers.tasks.base import UNAVAILABLE, WRONG, TaskFailed, run_time, run_tool

PROGRAM = "/usr/bin/debvisor-timers"

SINCE: Mapping[str, str] = {"daily": "1d", "weekly": "7d", "monthly": "30d"}
"""How far back each type of report tells."""

_SUFFIX = {"text": ".txt", "html": ".html", "json": ".json"}
_CREDSTORE = "/etc/credstore"
_PATIENCE = timedelta(minutes=1)


def generate_report(config: Mapping[str, Any]) -> dict[str, Any]:
    """Make the report, write it and mail it; return what became of it."""
    kind, form = config.get("report_type", "weekly"), config.get("format", "html")
    at = run_time().astimezone()
    summary = json.loads(_report(kind, "--json"))
    content = _content(kind, form)
    result: dict[str, Any] = {"report_type": kind, "format": form, "bytes": len(content)}
    if config.get("include_metrics"):
        result["metrics"] = figures(summary)
    if path := config.get("output"):
        mode = int(config.get("mode", "0640"), 8)
        result["file"] = str(write(Path(at.strftime(path)), content, mode=mode))
        print(f"wrote {result['file']}")
    letters = [_mail_settings(to)] if (to := config.get("mail")) else []
    if name := config.get("channel"):
        letters.append(channel_mail(name, Layout()))
    for settings in letters:
        _mail(settings, letter(settings, kind, form, content, at))
        result["mailed_to"] = [*result.get("mailed_to", []), *settings.to]
        print(f"mailed to {', '.join(settings.to)}")
    if not path and not letters:
        print(content.decode("utf-8", "replace") if form != "html" else _report(kind))
    return result


def _report(kind: str, *options: str) -> str:
    command = [PROGRAM, "report", f"--since={SINCE[kind]}", *options]
    return run_tool(command, package="debvisor-timers")


def _content(kind: str, form: str) -> bytes:
    if form == "text":
        return _report(kind).encode()
    if form == "json":
        return _report(kind, "--json").encode()
    return _report(kind, "--html").encode()


def figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a report as JSON has it, and how many entries its lists have."""
    found: dict[str, Any] = {}
    for name, value in report.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
        elif isinstance(value, list):
            found[name] = len(value)
    return found


def write(path: Path, content: bytes, *, mode: int = 0o640) -> Path:
    """Write a whole file, or leave what was there; raise TaskFailed."""
    if not path.is_absolute():
        raise TaskFailed(f"{path} is no absolute path", exit_status=WRONG)
    try:
        replace_file(path, content, mode=mode)
    except OSError as error:
        raise TaskFailed(f"cannot write {path}: {error.strerror}") from error
    return path


def letter(settings: Mail, kind: str, form: str, content: bytes, at: datetime) -> EmailMessage:
    """Return the mail: the report as its text, or attached where it is no text."""
    mail = EmailMessage()
    host = socket.getfqdn() or "localhost"
    mail["From"] = settings.from_ or f"root@{host}"
    mail["To"] = ", ".join(settings.to)
    mail["Subject"] = f"[{host.partition('.')[0]}] {kind} report on jobs, {at:%Y-%m-%d}"
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain=host)
    mail["Auto-Submitted"] = "auto-generated"
    if form == "text":
        mail.set_content(content.decode("utf-8", "replace"), cte="quoted-printable")
        return mail
    mail.set_content(f"The {kind} report on the jobs of {host} is attached.\n")
    main, sub = ("text", "html") if form == "html" else ("application", "json")
    name = f"jobs-{at:%Y-%m-%d}{_SUFFIX[form]}"
    mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail


def channel_mail(name: str, layout: Layout) -> Mail:
    """Return the settings of a channel of mail, as they were applied last; raise TaskFailed."""
    kept = Generations(layout.state / "generations")
    channels = load_config(kept.folder / str(kept.latest()) / CONFIG_NAME).config.channels
    channel = channels.get(name)
    if channel is None or channel.mail is None:
        those = ", ".join(each for each, its in channels.items() if its.mail) or "none"
        raise TaskFailed(
            f"there is no channel {name!r} that sends mail",
            fix=f"there are: {those}; write it under channels in config.yaml, and apply",
            exit_status=WRONG,
        )
    return channel.mail


def _mail_settings(written: Mapping[str, Any]) -> Mail:
    try:
        return Mail.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        fix = "see the key mail of a channel in debvisor-timers-config(5)"
        raise TaskFailed(f"mail.{key}: {first['msg']}", fix=fix, exit_status=WRONG) from error


def _secrets(settings: Mail) -> Path:
    """Return where the password of the server is: with the job's own credentials, or the host's."""
    own = Path(os.environ.get("CREDENTIALS_DIRECTORY", "") or "/nowhere")
    secret = settings.smtp.password if settings.smtp else None
    is_own = secret is not None and (own / f"{CREDENTIALS}.{secret.credential}").exists()
    return own if is_own else Path(_CREDSTORE)


def _mail(settings: Mail, mail: EmailMessage) -> None:
    try:
        mailing.send(settings, mail, Way(_PATIENCE, _secrets(settings)))
    except NotSentError as error:
        # Another attempt would mail it once more to those that have it.
        raise TaskFailed(str(error), exit_status=WRONG if error.left else UNAVAILABLE) from error
