# SPDX-License-Identifier: Apache-2.0
"""The program of a job with a task: calls the Python function that does tasks of its type.

task [--path=FOLDER]... [--handler=MODULE:FUNCTION] TYPE CONFIG, where CONFIG is JSON. It runs as
the job's user, like any other program of a job. Imports nothing of ours.
"""

import importlib
import inspect
import json
import operator
import os
import signal
import site
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FAILED = 1
NO_HANDLER = 78  # EX_CONFIG of sysexits.h
CANCELLED = 128 + signal.SIGTERM
LONGEST_RESULT = 64 * 1024
"""Bytes of JSON; of a longer one the run has its length alone, and the journal what was printed."""
RESULT_MESSAGE_ID = "1d7f3a0c5be94d6c9a9f5d0b7c4e2a86"


def main(arguments: list[str]) -> int:
    """Return the exit status of the task."""
    paths, handler = [], ""
    while arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).partition("=")
        if name == "--path":
            paths.append(value)
        elif name == "--handler":
            handler = value
        else:
            return complain(f"task does not know the option {name}", NO_HANDLER)
    kind, config = arguments[0], json.loads(arguments[1])
    site.main()  # our programs start without other packages
    sys.path[:0] = paths
    if not handler:
        found = installed(kind)
        if len(found) != 1:
            which = f": {', '.join(found)} are several" if found else ""
            return complain(f"No handler for task type: {kind}{which}", NO_HANDLER)
        handler = found[0]
    try:
        module, _, name = handler.partition(":")
        function = operator.attrgetter(name)(importlib.import_module(module))
    except Exception:  # noqa: BLE001 - to import a module is to run it
        traceback.print_exc()
        return complain(f"the handler {handler} of task type {kind} cannot be loaded", NO_HANDLER)
    return call(function, kind, config)


def installed(kind: str) -> list[str]:
    """Return the handlers of a type that installed distributions have, as MODULE:FUNCTION."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and few need it

    found = entry_points(group="debvisor_timers.tasks", name=kind)
    return sorted({each.value.partition("[")[0].strip() for each in found})


def call(function: "Callable[[Any], Any]", kind: str, config: object) -> int:
    """Call the handler, and tell what it returns: a mapping is printed as JSON, False has failed.

    An asynchronous one is cancelled by SIGTERM.
    """
    try:
        result = function(config)
        if inspect.isawaitable(result):
            import asyncio  # noqa: PLC0415 - a tenth of a second, which the others need not wait

            result = asyncio.run(cancellable(result))
        tell(result)
    except KeyboardInterrupt:
        return complain(f"the task {kind} was cancelled", CANCELLED)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failure of its run
        status = getattr(error, "exit_status", None)
        if isinstance(status, int):  # TaskFailed: the words are for people, and say what to do
            tell(getattr(error, "result", None))
            return complain(str(error), status)
        traceback.print_exc()
        return FAILED
    if result is False:
        return complain(f"the handler of task type {kind} returned False", FAILED)
    return 0


def tell(result: object) -> None:
    """Print a result that is a mapping as JSON, and let it be the result of the run."""
    if not isinstance(result, dict):
        return
    text = json.dumps(result, ensure_ascii=False, default=str)
    # A file name that is no UTF-8 has halves of characters; \udcff is how JSON writes one.
    text = text.encode("utf-8", "backslashreplace").decode()
    print(text, flush=True)
    if "INVOCATION_ID" not in os.environ:
        return
    size = len(text.encode())
    if size > LONGEST_RESULT:
        text = json.dumps({"omitted_bytes": size})
    fields = {
        "MESSAGE": "The task has a result",
        "MESSAGE_ID": RESULT_MESSAGE_ID,
        "PRIORITY": "7",
        "SYSLOG_IDENTIFIER": "task",
        "DEBVISOR_TASK_RESULT": text,
    }
    try:
        beside("notes").send(fields, is_last=True)
    except OSError as error:
        complain(f"journald takes no result: {error}", 0)


def beside(name: str) -> "Any":
    """Return the module `name` in the folder of this program, whatever the handler's path has."""
    from importlib.machinery import SourceFileLoader  # noqa: PLC0415

    module = type(sys)(name)
    module.__file__ = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    exec(SourceFileLoader(name, module.__file__).get_code(name) or "", module.__dict__)  # noqa: S102
    return module


async def cancellable(work: "Any") -> object:
    """Wait for `work`; SIGTERM cancels it, so that it can clean up."""
    import asyncio  # noqa: PLC0415

    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def complain(text: str, status: int) -> int:
    """Say `text` on standard error, and return `status`."""
    print(f"debvisor-timers: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
