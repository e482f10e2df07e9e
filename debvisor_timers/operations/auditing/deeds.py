# SPDX-License-Identifier: Apache-2.0
"""What was done, as an event of the audit: bounded, and without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from debvisor_timers.errors import (
    DebvisorTimersError,
    ExitCode,
    InterruptedByUserError,
    PartWayError,
    RefusedError,
)
from debvisor_timers.history.audit import AuditEvent, AuditResult, Verb

if TYPE_CHECKING:
    from debvisor_timers.history.caller import Caller
    from debvisor_timers.operations.applying.plan import JobPlan
    from debvisor_timers.operations.auditing.audited import Attempt

_LONGEST_DIFF = 32_000
"""Characters: the newest event lies in the head as well, which is written at each change."""

_LONGEST_TEXT = 2_000
_LONGEST_NAME = 256
_LONGEST_LOOKED_AT = 4_000
"""Characters of a text: to look for secrets takes longer than in proportion."""

_NO_ATTEMPTS = {ExitCode.USAGE, ExitCode.DEFINITIONS}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def is_recorded(error: BaseException) -> bool:
    """Return False for what makes no sense: nothing was asked for that could have been done.

    A job that does not exist, an option, YAML with mistakes in it.
    """
    return not (isinstance(error, DebvisorTimersError) and error.exit_code in _NO_ATTEMPTS)


def event_of(attempt: Attempt, error: BaseException | None = None) -> AuditEvent:
    """Return what became of `attempt`."""
    return AuditEvent(
        id=attempt.id,
        time=attempt.asked,
        verb=Verb(attempt.verb),
        caller=_printable(attempt.caller),
        result=_result(attempt, error),
        jobs=tuple(attempt.jobs),
        file=_text(attempt.file),
        what=_text(attempt.what),
        error="" if error is None else _text(_said(error)),
        diff=_diff(attempt.changes, attempt.settings),
        generation=attempt.generation,
        host=os.uname().nodename,
    )


def _result(attempt: Attempt, error: BaseException | None) -> AuditResult:
    if error is None:
        return AuditResult.DONE
    if isinstance(error, RefusedError):
        return AuditResult.REFUSED
    if isinstance(error, InterruptedByUserError):
        return AuditResult.UNDONE
    if isinstance(error, KeyboardInterrupt):
        return AuditResult.DONE if attempt.is_done else AuditResult.CUT_OFF
    if isinstance(error, PartWayError) or not isinstance(error, DebvisorTimersError):
        return AuditResult.FAILED
    # An operation with steps undoes those that it has taken.
    return AuditResult.UNDONE if attempt.takes_steps and attempt.has_begun else AuditResult.FAILED


def _said(error: BaseException) -> str:
    if isinstance(error, DebvisorTimersError):
        return error.message
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {error}"


def _text(text: str) -> str:
    """Return `text` as it may stand in the journal: no secrets, no control characters."""
    if not text:
        return ""  # as of most starts by hand: what looks for secrets takes long to import
    from debvisor_timers.jobs.redact import redact

    text = _clean(redact(text[:_LONGEST_LOOKED_AT]))
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _printable(caller: Caller) -> Caller:
    """Return him with names that the journal gives back as they were: others have a wrong digest.

    sudo's variables can hold anything.
    """
    return replace(
        caller,
        user=_name(caller.user),
        login_user=_name(caller.login_user),
        sudo_user=_name(caller.sudo_user),
        token=_name(caller.token),
        address=_name(caller.address),
        request=_name(caller.request),
    )


def _name(text: str) -> str:
    return _clean(text).replace("\n", "?")[:_LONGEST_NAME]


def _clean(text: str) -> str:
    return _CONTROL.sub("?", text).encode("utf-8", "replace").decode()


def _diff(changes: Sequence[JobPlan], settings: Sequence[str]) -> str:
    """Return what changed in settings and units, if not too long, and how much is left out."""
    lines = [*_redacted(settings)]
    length = sum(len(line) + 1 for line in lines)
    if length > _LONGEST_DIFF:
        lines, length = ["... too long: what changed in settings is left out"], 0
    for number, job in enumerate(changes):
        for line in redacted_diff(job):
            length += len(line) + 1
            if length > _LONGEST_DIFF:
                rest = len(changes) - number
                lines.append(f"... too long: the rest of {rest} of {len(changes)} jobs is left out")
                return "\n".join(lines)
            lines.append(line)
    return "\n".join(lines)


def redacted_diff(job: JobPlan) -> Iterator[str]:
    """Yield the lines of a diff of the units of `job`, without secrets."""
    from debvisor_timers.operations.applying.diff import unified_diff

    return _redacted(unified_diff(job))


def _redacted(lines: Iterable[str]) -> Iterator[str]:
    if not lines:
        return
    from debvisor_timers.jobs.redact import redact_line

    for line in lines:
        if line.startswith(("---", "+++", "@@")):
            yield _line(line)
        elif len(line) > _LONGEST_TEXT:
            # Cut in its middle, a secret would not be recognised.
            yield _line(f"{line.partition('=')[0][:80]}=[{len(line)} characters left out]")
        else:
            yield _line(redact_line(line))


def _line(text: str) -> str:
    """Return `text` as one line: none may look like another of the diff."""
    return _clean(text).replace("\n", "\\n")
