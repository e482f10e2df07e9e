# SPDX-License-Identifier: Apache-2.0
"""The process that reads for the server: pystemd holds Python's lock, so no event loop may wait.

It gets questions on standard input, each a number of bytes and a pickled call, and answers on
standard output. Both ends are the same program.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.layout import Layout
from debvisor_timers.scheduler.kept import KeptScheduler

_ISOLATED = "-I" if sys.flags.isolated else "-P"
COMMAND = (sys.executable, _ISOLATED, "-c", f"from {__name__} import main; main()")
"""What starts it. Not `-m`: what it pickled would be of `__main__`, which is another one here."""

HEAD = struct.Struct("!I")
"""How many bytes follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A question: a function of a module, which gets a scheduler first."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error instead of an answer: one of ours, by its class and values, or words of a bug."""

    kind: type[DebvisorTimersError] | None
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def error(self) -> Exception:
        """Return it as it was raised."""
        if self.kind is None:
            return RuntimeError(self.words)
        made = self.kind.__new__(self.kind)
        Exception.__init__(made, self.words)
        for name, value in self.values.items():
            setattr(made, name, value)
        return made


def frame(value: object) -> bytes:
    """Return a value as it is sent."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(data)) + data


def answer(scheduler: KeptScheduler, call: Call) -> object:
    """Return what the function answers, or a Fault."""
    try:
        return call.function(scheduler, *call.args, **call.kwargs)
    except DebvisorTimersError as error:
        return Fault(kind=type(error), words=str(error.args[0]), values=vars(error))
    except Exception:  # noqa: BLE001 - the edge of this process
        return Fault(kind=None, words=traceback.format_exc())


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until nobody asks any more; what comes first is the layout of the host."""
    layout = _received(source)
    if not isinstance(layout, Layout):
        return
    scheduler = KeptScheduler(layout)
    while isinstance(call := _received(source), Call):
        try:
            said = frame(answer(scheduler, call))
        except (pickle.PicklingError, TypeError, AttributeError):
            said = frame(Fault(kind=None, words=traceback.format_exc()))
        sink.write(said)
        sink.flush()


def main() -> None:
    """Serve on standard input and output; what anything else prints goes to standard error."""
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, sink)


def _received(source: BinaryIO) -> object:
    """Return what the server has sent; None where it sends nothing any more."""
    head = source.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (size,) = HEAD.unpack(head)
    return pickle.loads(source.read(size))  # noqa: S301 - from the server itself
