# SPDX-License-Identifier: Apache-2.0
"""Whether somebody holds a run back: a pause, maintenance of the host, a skip on request.

Loaded by `begin` where there is such a thing, and by no other. Imports nothing of ours.
A mark that cannot be read fails the run, aloud: it is no skip.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


MOST_BYTES = 64 * 1024
BY_HAND = {"manual", "retry", "backfill"}
BY_SCHEDULE = {"timer", "catch_up"}


def held(run: "Any") -> str:
    """Return why the run is held back by a pause or by maintenance, empty when it is not.

    Who starts a job by hand means it: neither keeps such a run off. Maintenance holds what the
    schedule and the boot start, as a window of it does. run: the Run of `begin`.
    Raises OSError and ValueError: the run must not start then.
    """
    trigger, now = run.fields["DEBVISOR_TRIGGER"], int(run.fields["DEBVISOR_START_USEC"]) / 1e6
    if trigger in BY_HAND:
        return ""
    pause = read(f"{run.state}/paused/{run.job}")
    if pause is not None and not is_over(pause, now):
        by = f"paused by {pause['by']}" if pause.get("by") else "paused"
        return reason(by, pause)
    maintenance = read(f"{run.state}/maintenance.json")
    if maintenance is None or trigger not in {*BY_SCHEDULE, "boot"} or is_over(maintenance, now):
        return ""
    return reason("maintenance", maintenance)


def reason(what: str, mark: "dict[str, Any]") -> str:
    """Return `what: why`, or `what` alone where nobody said why."""
    why = " ".join(str(mark.get("reason") or "").split())
    return f"{what}: {why}" if why else what


def skip_asked(run: "Any") -> str:
    """Return that the run is one of those that somebody wants skipped, empty when it is none.

    Such a run is counted off, durably, before it is skipped. Raises OSError and ValueError.
    """
    if run.fields["DEBVISOR_TRIGGER"] not in BY_SCHEDULE:
        return ""
    import fcntl  # noqa: PLC0415 - for the few runs that are to be skipped

    os.close(run.notes.open_folder(run.runtime))
    # For nobody else to open: whoever can read a file can hold its lock for ever.
    lock = os.open(f"{run.runtime}/skip_next.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = f"{run.state}/skip_next/{run.job}"
        mark = read(path)
        if mark is None:
            return ""
        left, of = (number(path, mark, name) for name in ("left", "of"))
        count_off(path, {**mark, "left": left - 1})
    finally:
        os.close(lock)
    return f"on request, {of - left + 1} of {of}" if left > 0 else ""


def count_off(path: str, mark: "dict[str, Any]") -> None:
    """Write what is left to be skipped, or remove the mark when that is nothing; durably."""
    import json  # noqa: PLC0415

    folder, name = os.path.split(path)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if mark["left"] <= 0:
            os.unlink(name, dir_fd=place)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            new = os.open(f".{name}.new", flags, 0o644, dir_fd=place)
            with open(new, "w", encoding="ascii") as file:
                json.dump(mark, file)
                file.flush()
                os.fsync(new)
            os.rename(f".{name}.new", name, src_dir_fd=place, dst_dir_fd=place)
        os.fsync(place)
    finally:
        os.close(place)


def read(path: str) -> "dict[str, Any] | None":
    """Return what a mark says, None where there is none.

    One that is no JSON is a pause without end; its first line says why.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    if not text.lstrip().startswith("{"):
        return {"reason": text.partition("\n")[0][:200]}
    import json  # noqa: PLC0415

    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} makes no sense: {error}; fix: remove it") from error
    return found


def is_over(mark: "dict[str, Any]", now: float) -> bool:
    """Return True when the time until which it holds has passed; `now` in seconds since 1970."""
    until = mark.get("until")
    if until is None:
        return False
    from datetime import datetime  # noqa: PLC0415 - 2 ms

    try:
        return datetime.fromisoformat(until).timestamp() <= now
    except (TypeError, ValueError) as error:
        raise ValueError(f"a pause or maintenance until {until!r}: that is no time") from error


def number(path: str, mark: "dict[str, Any]", name: str) -> int:
    """Return a number that the mark must have; raise ValueError where it has none."""
    found = mark.get(name)
    if type(found) is not int:
        raise ValueError(f"{path} makes no sense: {name} is {found!r}; fix: remove it")
    return found
