# SPDX-License-Identifier: Apache-2.0
"""Starting a job and waiting for its end in a process of its own.

pystemd 0.13 holds Python's interpreter lock while it waits for systemd: a thread would keep an
event loop from turning. `python3 -m debvisor_timers.scheduler.worker` is that process.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from debvisor_timers import errors
from debvisor_timers.layout import Layout


async def run_elsewhere(layout: Layout, job_id: str) -> str:
    """Run a job, and return the id of its run when it has ended, empty where nobody knows it.

    Raises the errors of `Scheduler.run`.
    """
    asked = {name: str(path) for name, path in asdict(layout).items() if name != "user"}
    # -P: not the modules of the folder that the program happens to stand in.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, job_id, json.dumps(asked), str(layout.user)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):  # it has just ended
            process.terminate()
        await process.wait()
        raise
    try:
        answer = json.loads(out)
    except ValueError:
        words = err.decode(errors="replace").strip() or f"exit status {process.returncode}"
        raise errors.SystemdError(f"cannot wait for job {job_id!r}: {words}") from None
    if "error" in answer:
        raise _error(**answer)
    return str(answer["run"])


def _error(error: str, message: str, fix: str) -> errors.DebvisorTimersError:
    kind = getattr(errors, error, errors.SystemdError)
    made = errors.SystemdError(message, fix=fix)
    if isinstance(kind, type) and issubclass(kind, errors.DebvisorTimersError):
        if kind is errors.DefinitionError:
            return made
        return kind(message, fix=fix)
    return made


def main(job_id: str, layout: str, user: str) -> None:
    """Run a job, and print the id of its run, or the error, as JSON."""
    from debvisor_timers.scheduler import Scheduler

    paths = {name: Path(path) for name, path in json.loads(layout).items()}
    try:
        where = Layout(**paths, user=user == "True")
        run = Scheduler.system(where).run(job_id, wait=True).run
        answer = {"run": run.id if run else ""}
    except errors.DebvisorTimersError as error:
        answer = {"error": type(error).__name__, "message": error.message, "fix": error.fix}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
