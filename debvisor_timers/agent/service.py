# SPDX-License-Identifier: Apache-2.0
"""The interface io.debvisor.Timers: from a call to its verb, and from its value to the answer."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import varlink
from pydantic import ValidationError

from debvisor_timers import __version__
from debvisor_timers.agent.callers import Peer, asker
from debvisor_timers.agent.verbs import VERBS, Door, Verb
from debvisor_timers.errors import DebvisorTimersError, DefinitionError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.names import JOB_ID
from debvisor_timers.operations.access.policy import check_plan, policy_in_force
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.scheduler.wire import encode

INTERFACE = "io.debvisor.Timers"
_FAILED = f"{INTERFACE}.Failed"
_INVALID = "org.varlink.service.InvalidParameter"
_MOST_NAMED = 20
"""Jobs of a refusal that the audit names."""


class Failed(varlink.VarlinkError):  # type: ignore[misc]
    """An error of ours, as the interface has it."""

    def __init__(self, error: DebvisorTimersError) -> None:
        """Say what is wrong, where, and how to mend it."""
        problems = error.problems if isinstance(error, DefinitionError) else ()
        message = "" if problems else error.message
        super().__init__(
            {
                "error": _FAILED,
                "parameters": {
                    "kind": type(error).__name__,
                    "message": message,
                    "fix": error.fix,
                    "problems": encode(problems),
                },
            }
        )


def _invalid(name: str) -> varlink.VarlinkError:
    return varlink.VarlinkError({"error": _INVALID, "parameters": {"parameter": name}})


def _has_no_text(message: bytes, document: object) -> bool:
    """Return True where a string is no text: half a surrogate, which no file takes."""
    if b"\\ud" not in message.lower():
        return False
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


class Methods:
    """The methods of the interface for one caller, by their names."""

    def __init__(self, peer: Peer, scheduler_for: Callable[[Caller], Scheduler]) -> None:
        """scheduler_for: what acts for a caller."""
        self._peer = peer
        self._scheduler_for = scheduler_for
        self._fields: Mapping[str, Sequence[str]] = {}

    def learn(self, interface: Any) -> None:
        """Take over which fields each method has, in which order."""
        self._fields = {name: list(interface.get_method(name).in_type.fields) for name in VERBS}

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """Return the method of that name."""
        if name not in VERBS:
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *values: Any) -> dict[str, Any]:
        given = dict(zip(self._fields[name], values, strict=True))
        behalf = given.pop("behalf", None)
        try:
            return {"result": encode(self._answer(VERBS[name], name, given, behalf))}
        except DebvisorTimersError as error:
            raise Failed(error) from error
        except varlink.VarlinkError:
            raise
        except Exception as error:
            # The edge: a bug of ours, told apart from what the library finds wrong with a call.
            traceback.print_exc(file=sys.stderr)
            bug = DebvisorTimersError(
                f"{name} failed by a bug: {type(error).__name__}: {error}",
                fix="see journalctl -u debvisor-timers-agent",
            )
            raise Failed(bug) from error

    def _answer(self, verb: Verb, name: str, given: Mapping[str, Any], behalf: Any) -> object:
        host = self._scheduler_for(Caller(uid=0, user="root")).host
        policy = policy_in_force(host)
        who = asker(self._peer, behalf, policy)
        scheduler = self._scheduler_for(who.caller)
        with _in_audit(scheduler, verb.audit, given):
            who.require(verb.role, name)
        try:
            asked = verb.takes.model_validate(
                {key: value for key, value in given.items() if value is not None}
            )
        except ValidationError as error:
            raise _invalid(".".join(map(str, error.errors()[0]["loc"]))) from error
        if not who.ruled:
            return verb.do(Door(scheduler=scheduler), asked)
        check = partial(check_plan, host, policy)
        door = Door(scheduler=scheduler, check=check, name=who.name, require_own=who.require_own)
        return verb.do(door, asked)


def _in_audit(
    scheduler: Scheduler, verb: str, given: Mapping[str, Any]
) -> AbstractContextManager[object]:
    """Let a refusal in the block be in the audit, as one of what was asked for."""
    if not verb:
        return nullcontext()
    job, jobs = given.get("job"), given.get("jobs")
    named = [job] if isinstance(job, str) else jobs if isinstance(jobs, list) else []
    known = [
        each for each in named[:_MOST_NAMED] if isinstance(each, str) and JOB_ID.fullmatch(each)
    ]
    return scheduler.attempt(verb, jobs=known)


class Answerer:
    """Answers the messages of one connection."""

    def __init__(self, peer: Peer, scheduler_for: Callable[[Caller], Scheduler]) -> None:
        """Take who has connected, and what acts for a caller."""
        self._service = varlink.Service(
            vendor="DebVisor",
            product="debvisor-timers",
            version=__version__,
            url="https://debvisor.org",
            interface_dir=str(Path(__file__).parent),
        )
        methods = Methods(peer, scheduler_for)
        self._service._add_interface(INTERFACE, methods)  # noqa: SLF001 - its decorator calls a class
        methods.learn(self._service.interfaces[INTERFACE])

    def answers(self, message: bytes) -> Iterator[bytes]:
        """Yield the answers to a message, without the zero at their ends.

        Whatever it says, there is an answer, or the connection is to be closed: ValueError.
        """
        document = json.loads(message)
        if not isinstance(document, dict) or not isinstance(document.get("method"), str):
            raise ValueError("it is no call")  # noqa: TRY004 - as for what is no JSON
        if not isinstance(document.get("parameters") or {}, dict) or _has_no_text(
            message, document
        ):
            yield self._error(_invalid("parameters"))
            return
        try:
            yield from self._service.handle(message)
        except DebvisorTimersError as error:
            yield self._error(Failed(error))
        except (AttributeError, TypeError, KeyError, IndexError, RecursionError):
            # varlink 31 looks into values before it knows that they are of the right kind.
            traceback.print_exc(file=sys.stderr)
            yield self._error(_invalid("parameters"))

    def _error(self, error: varlink.VarlinkError) -> bytes:
        return json.dumps(error.as_dict()).encode()
