# SPDX-License-Identifier: Apache-2.0
"""Set the stamps of timers before they start, so that each catches up what its job wants, no more.

Root's `ExecStart=/usr/libexec/debvisor-timers/stamps` of debvisor-timers-stamps.service.
systemd fires a timer for what its calendar had since its stamp: one set to now misses everything,
one set to six hours ago misses what is older. The stamp of a running timer is not looked at.
What a pause kept off that has ended meanwhile is missed, too.
Stays one file without imports of ours, and imports little: it holds up every start of a timer.
"""

import os
import sys
import time

UNITS = "/etc/systemd/system"
STAMPS = "/var/lib/systemd/timers"
STATE = "/var/lib/debvisor-timers"
PREFIX, SUFFIX = "debvisor-job-", ".timer"
CATCH_UP = "X-CatchUp="


def catch_up_of(path: str) -> str:
    """Return what the timer says as X-CatchUp=: `skip`, `once`, `21600s`; empty for another's."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(CATCH_UP):
                return line.removeprefix(CATCH_UP).strip()
    return ""


def oldest(catch_up: str, now: float) -> float:
    """Return how old a stamp may be, in seconds since 1970; 0 where any age is fine.

    Raises ValueError for what no apply has written.
    """
    if catch_up in {"once", ""}:
        return 0
    return now if catch_up == "skip" else now - int(catch_up.removesuffix("s"))


def held_until(job: str, now: float, state: str) -> float:
    """Return when a pause of the job, or maintenance, ended by itself while the host was off.

    state: the folder where that is noted. In seconds since 1970; 0 where none did. What came before
    that is not caught up. Raises OSError and ValueError.
    """
    marks = (f"{state}/paused/{job}", f"{state}/maintenance.json")
    ends = [end_of(path) for path in marks if os.path.lexists(path)]
    return max([end for end in ends if end <= now], default=0)


def end_of(path: str) -> float:
    """Return until when a mark holds, in seconds since 1970; infinity for one without end."""
    import json  # noqa: PLC0415 - where something is held back
    from datetime import datetime  # noqa: PLC0415

    with open(path, encoding="utf-8") as file:
        text = file.read()
    until = json.loads(text).get("until") if text.startswith("{") else None
    return datetime.fromisoformat(until).timestamp() if until else float("inf")


def renew(stamp: str, moment: float) -> None:
    """Let the stamp be no older than `moment`; one that is missing becomes new, and misses all."""
    descriptor = os.open(stamp, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    if os.fstat(descriptor).st_mtime < moment:
        os.utime(descriptor, (moment, moment))
    os.close(descriptor)


def folders(*, for_user: bool) -> tuple[str, str, str]:
    """Return where timers, their stamps and our notes are: PID 1's, or those of the user."""
    if not for_user:
        return UNITS, STAMPS, STATE
    import pwd  # noqa: PLC0415 - not for PID 1's timers

    home = pwd.getpwuid(os.getuid()).pw_dir
    return (
        f"{home}/.config/systemd/user",
        f"{home}/.local/share/systemd/timers",
        f"{home}/.local/state/debvisor-timers",
    )


def main() -> int:
    """Set every stamp that has to be; return the exit status."""
    now = time.time()
    failed = 0
    units, stamps, state = folders(for_user=sys.argv[1:] == ["--user"])
    os.makedirs(stamps, exist_ok=True)
    for name in os.listdir(units):
        if not (name.startswith(PREFIX) and name.endswith(SUFFIX)):
            continue
        try:
            catch_up = catch_up_of(f"{units}/{name}")
            if moment := oldest(catch_up, now):
                renew(f"{stamps}/stamp-{name}", moment)
            job = name[len(PREFIX) : -len(SUFFIX)]
            if catch_up and (moment := held_until(job, now, state)):
                renew(f"{stamps}/stamp-{name}", moment)
        except (OSError, ValueError, TypeError) as error:
            print(f"debvisor-timers: {name} may catch up too much: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
