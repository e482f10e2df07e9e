# SPDX-License-Identifier: Apache-2.0
"""Errors that a server tells of, as the errors that a call on its host would have raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from debvisor_timers import errors
from debvisor_timers.errors import DebvisorTimersError, DefinitionError
from debvisor_timers.source import Problem, Severity, Span

_WRONG_VALUE = 422
_BY_STATUS: Mapping[int, type[DebvisorTimersError]] = {
    400: errors.UsageError,
    401: errors.UnauthenticatedError,
    403: errors.PermissionRefusedError,
    404: errors.NotFoundError,
    409: errors.RefusedError,
    412: errors.RefusedError,
    413: errors.UsageError,
    _WRONG_VALUE: errors.UsageError,
    423: errors.LockedError,
    429: errors.RefusedError,
    502: errors.SystemdError,
    503: errors.UnreachableError,
}
"""What an answer means that names no class of ours."""


def error_of(status: int, problem: Mapping[str, object]) -> DebvisorTimersError:
    """Return the error that `problem`, the details of RFC 9457 in an answer, tells of."""
    message = str(problem.get("detail") or problem.get("title") or f"the server answers {status}")
    fix = str(problem.get("fix") or "")
    kind = getattr(errors, str(problem.get("error") or ""), None)
    problems = problem.get("problems")
    found = problems if isinstance(problems, list) else []
    several = [each for each in found if isinstance(each, dict)]
    if kind is DefinitionError or (kind is None and status == _WRONG_VALUE and several):
        return _definition_error(message, fix, several)
    if not (isinstance(kind, type) and issubclass(kind, DebvisorTimersError)):
        kind = _BY_STATUS.get(status, DebvisorTimersError)
    return kind(message, fix=fix)


def _definition_error(
    message: str, fix: str, several: Sequence[Mapping[str, object]]
) -> DefinitionError:
    error = DefinitionError(_problems(several))
    if all(each.get("file") for each in several):
        # The host's words have the line and a caret; a problem in JSON has not.
        error.message = message
    else:
        told = [_told(each) for each in several]
        error.message = "\n".join([message, *told])
    error.fix, error.args = fix, (error.message,)
    return error


def _told(problem: Mapping[str, object]) -> str:
    fix = f"\n fix: {problem['fix']}" if problem.get("fix") else ""
    return f"{problem.get('key')}: {problem.get('message')}{fix}"


def _problems(several: Iterable[Mapping[str, object]]) -> Iterator[Problem]:
    for each in several:
        yield Problem(
            span=Span(
                file=Path(str(each.get("file") or "")),
                line=_number(each.get("line")),
                column=_number(each.get("column")),
            ),
            message=str(each.get("message") or ""),
            key=str(each.get("key") or ""),
            fix=str(each.get("fix") or ""),
            severity=Severity.WARNING if each.get("severity") == "warning" else Severity.ERROR,
        )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
