# SPDX-License-Identifier: Apache-2.0
"""Whether a run is skipped: maintenance windows, and days that its schedule leaves out.

Loaded by `begin` and `end` for jobs that have such, and for no other. Imports nothing of ours.
"""

import os
import time

ANALYZE = "/usr/bin/systemd-analyze"
LOCALTIME = "/etc/localtime"
ZONEINFO = "/usr/share/zoneinfo"
LATE_SECONDS = 60  # a reload of thousands of jobs keeps PID 1 busy for 20

MICROSECONDS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}

Unit = dict[tuple[str, str], list[str]]


def by_calendar(fields: dict[str, str], service: Unit, timer: Unit) -> str:
    """Return why a run is skipped, empty when it is not; a run by hand never is.

    One that makes up for a missed time counts on the day on which it starts.

    fields: what `begin` knows of it. service, timer: the values of each directive of its units.
    Raises OSError, ValueError and KeyError: the run must not start then.
    """
    trigger, now_usec = fields["DEBVISOR_TRIGGER"], int(fields["DEBVISOR_START_USEC"])
    windows = service.get(("[Service]", "X-Maintenance"))
    if (
        windows
        and trigger in {"timer", "boot", "catch_up"}
        and (why := maintenance(windows, now_usec))
    ):
        return why
    excluded = service.get(("[Service]", "X-Exclude"))
    if excluded and trigger in {"timer", "catch_up"}:
        set_zone(service.get(("[Service]", "X-ExcludeZone"), [""])[-1])
        if trigger == "catch_up":
            return exclusion(excluded, local_date(now_usec // 1_000_000))
        fired_usec = int(fields.get("DEBVISOR_SCHEDULED_USEC", now_usec))
        return exclusion(excluded, scheduled_day(timer, fired_usec))
    return ""


def maintenance(windows: list[str], now_usec: int) -> str:
    """Return the window that holds now, of lines `SECONDSs | CALENDAR LINE | REASON`."""
    by_length: dict[int, list[tuple[str, str]]] = {}
    for window in windows:
        length, line, reason = (*window.split(" | ", 2), "")[:3]
        by_length.setdefault(int(length.removesuffix("s")), []).append((line, reason))
    now = now_usec // 1_000_000
    for seconds, several in by_length.items():
        begins = elapses([line for line, _ in several], now - seconds)
        for (_, reason), begun in zip(several, begins, strict=True):
            if "" < begun <= utc(now):
                return f"maintenance: {reason}" if reason else "maintenance"
    return ""


def exclusion(excluded: list[str], day: str) -> str:
    """Return which of the lines `CALENDAR DAYS...` has `day`; `-` is the job itself."""
    for line in excluded:
        name, *several = line.split(" ")
        if any(holds(days, day) for days in several):
            return f"excluded: {day}" if name == "-" else f"excluded: {name} ({day})"
    return ""


def holds(days: str, day: str) -> bool:
    """Return True when `days`, a date or range as the YAML has it, holds `day`.

    Dates of this form are in order as texts are. See debvisor_timers.calendar.exclusions.
    """
    first, _, last = days.partition("..")
    last = last or first
    if first.startswith("*"):
        first, last, day = first[2:], last[2:], day[5:]
        if last < first:
            return day >= first or day <= last
    return first <= day <= last


def scheduled_day(timer: Unit, fired_usec: int) -> str:
    """Return the local date, `2026-12-25`, of the time for which the run was due.

    systemd tells when the timer fired: later than that time by up to the jitter, and by as long as
    PID 1 was busy. Only where there is a midnight between is it asked for the time itself.
    """
    jitter = sum(map(microseconds, timer.get(("[Timer]", "RandomizedDelaySec"), [])[-1:]))
    fired = fired_usec // 1_000_000
    first = fired - jitter // 1_000_000 - LATE_SECONDS
    day = local_date(fired)
    lines = timer.get(("[Timer]", "OnCalendar"))
    if not lines or local_date(first) == day:
        return day
    before, after = first, fired
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if local_date(middle) == day else (middle, after)
    if due(lines, before, fired):
        return day
    earlier = due(lines, first, fired)
    if not earlier:
        return day  # a run that catches up
    return local_date(seconds(max(earlier)))


def due(lines: list[str], after: int, until: int) -> list[str]:
    """Return the first elapse of each OnCalendar= line after `after`, if not after `until`."""
    return [moment for moment in elapses(lines, after) if "" < moment <= utc(until)]


def first_elapse(timer: Unit, after: int) -> int | None:
    """Return when a timer elapses first after that second, in seconds since 1970; None for never.

    Its jitter is not counted.
    """
    lines = timer.get(("[Timer]", "OnCalendar"))
    found = [moment for moment in elapses(lines, after) if moment] if lines else []
    return seconds(min(found)) if found else None


def elapses(lines: list[str], after: int) -> list[str]:
    """Return the first elapse of each OnCalendar= line after that second, as `utc` has them.

    Empty for a line that never elapses again. Raises ChildProcessError when systemd cannot say.
    """
    return [next(iter(moments), "") for moments in series(lines, after, 1)]


def series(lines: list[str], after: int, count: int) -> list[list[str]]:
    """Return the next `count` elapses of each OnCalendar= line, as `elapses` has the first.

    Not by the module subprocess, which takes twice as long to import as the answer.
    """
    reader, writer = os.pipe()
    # A window may be longer than the time since 1970, before which systemd reads no time.
    base = f"--base-time=@{max(after, 0)}"
    command = [ANALYZE, "calendar", f"--iterations={count}", base, "--", *lines]
    environment = {"LC_ALL": "C", "TZ": f":{LOCALTIME}"}
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1)]
    try:
        process = os.posix_spawn(ANALYZE, command, environment, file_actions=actions)
    finally:
        os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as answer:
        text = answer.read()
    found: list[list[str]] = []
    for line in text.splitlines():
        name, _, value = line.strip().partition(": ")
        moment = " ".join(value.split()[1:3])[:19]
        if name == "Normalized form":
            found.append([])
        elif found and (name == "Next elapse" or name.startswith("Iter")):
            found[-1] += [moment] if value.strip() != "never" else []
        elif name == "(in UTC)" and found:
            found[-1][-1] = moment
    status = os.waitpid(process, 0)[1]
    if status != 0 or len(found) != len(lines):
        raise ChildProcessError(f"{' '.join(command)} fails: status {status}")
    return found


def microseconds(span: str) -> int:
    """Return a time span of a unit of ours, such as `1h30min`, in microseconds."""
    total = 0
    while span:
        rest = span.lstrip("0123456789")
        after = rest.lstrip("abcdefghijklmnopqrstuvwxyz")
        number, unit = span[: len(span) - len(rest)], rest[: len(rest) - len(after)]
        total += int(number) * MICROSECONDS[unit]
        span = after
    return total


def set_zone(name: str) -> None:
    """Let local times be those of the zone, or of the host; never those of the job's own $TZ."""
    path = f"{ZONEINFO}/{name}" if name else LOCALTIME
    if name:
        os.stat(path)  # the C library would take UTC for a zone that it does not find
    os.environ["TZ"] = f":{path}"
    time.tzset()


def local_date(seconds: int) -> str:
    """Return the local date of an instant."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def seconds(moment: str) -> int:
    """Return an instant that `utc` wrote in seconds since 1970."""
    year, month, day = map(int, moment[:10].split("-"))
    year -= month < 3  # years begin in March, so that a leap day ends one
    days = 365 * year + year // 4 - year // 100 + year // 400 - 719_469
    days += (153 * ((month + 9) % 12) + 2) // 5 + day
    hours, minutes, rest = map(int, moment[11:].split(":"))
    return days * 86_400 + hours * 3600 + minutes * 60 + rest


def utc(seconds: int) -> str:
    """Return an instant as `2026-12-25 02:00:00`, in UTC: in order as texts are."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
