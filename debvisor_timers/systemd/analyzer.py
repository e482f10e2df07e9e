# SPDX-License-Identifier: Apache-2.0
"""The real Analyzer: systemd-analyze, asked about many units or calendars at once."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.systemd.analyze import at_once, parts, processors, run
from debvisor_timers.systemd.instants import no_instant
from debvisor_timers.systemd.ports import CalendarAnswer, Exposure, Finding

# To start systemd-analyze takes as long as to load so many units.
_FEWEST_UNITS = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NEEDS_OTHERS = re.compile(
    r"^\s*(?:Requires|Requisite|BindsTo|BindTo|Requi(?:res|site)Overridable)\s*=|"
    # Any other list of units with a word in it that is no unit name.
    r"^(?:Wants|After|Before|On(?:Failure|Success)|JoinsNamespaceOf|\w*Propagate\w+)="
    r"(?:.*[ \t])?(?![\w:.\\@%-]+\.[a-z]+(?:[ \t]|$))[^\s]+(?:[ \t]|$)",
    re.MULTILINE,
)
_ABOUT_LINE = re.compile(r"(?P<path>/.*?):(?P<line>\d+): (?P<message>.*)")
_ABOUT_UNIT = re.compile(r"(?P<unit>[\w:.\\@-]+\.[a-z]+): (?P<message>.*)")
_BAD_UNIT = re.compile(r"Unit (?P<unit>\S+) (?P<message>(has|is|was) .*)")
_INSTANT = "UNIX seconds: @"
_EXPOSURE = re.compile(r"Overall exposure level for \S+: (?P<score>[\d.]+) (?P<rating>\w+)")


class CommandAnalyzer:
    """The real Analyzer."""

    def __init__(self, *, user: bool = False) -> None:
        """user: units are those of the manager of the user who asks."""
        self._user = user

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        """Load the unit files `units` (name to text) beside the host's own; return all complaints.

        Complaints about units and drop-ins of others are left out.
        """
        if not units:
            return []
        with tempfile.TemporaryDirectory(prefix="debvisor-verify-") as name:
            folder = Path(name)
            for unit, text in units.items():
                (folder / unit).write_bytes(text.encode("utf-8", "surrogateescape"))
            lines = list(_verify_lines(folder, units, user=self._user))
        findings = (_finding(line, folder, units) for line in lines)
        return list(dict.fromkeys(each for each in findings if each is not None))

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        """Return the next `count` elapses of each of `specs`, strictly after `after`, in order."""
        # Most commands ask for none, and this loads what reads the law of zones.
        from debvisor_timers.systemd.calendar import ask_calendar  # noqa: PLC0415

        asked = ask_calendar(dict.fromkeys(specs), after=after, count=count)
        answers = {answer.spec: answer for answer in asked}
        return [answers[spec] for spec in specs]

    def timestamp(self, text: str) -> datetime:
        """Return the instant that systemd reads from `text`; raises UsageError for none."""
        done = run("timestamp", "--", text)
        for line in done.stdout.splitlines()[1:]:
            if line.strip().startswith(_INSTANT):
                seconds = line.strip().removeprefix(_INSTANT)
                return _EPOCH + timedelta(microseconds=round(float(seconds) * 1_000_000))
        raise no_instant(text)

    def exposure(self, service: str) -> Exposure | None:
        """Return what `systemd-analyze security` says of a service; None when it says nothing."""
        said = run("security", "--no-pager", "--", service, user=self._user).stdout
        found = _EXPOSURE.search(said)
        return found and Exposure(score=float(found["score"]), rating=found["rating"])


def _verify_lines(folder: Path, units: Mapping[str, str], *, user: bool) -> Iterator[str]:
    # Loading alone takes 0.3 s for 1,000 pairs; `one` builds a start transaction for each unit as
    # well and takes 2.8 s (systemd 257). Only that finds a missing unit in Requires=, and says of
    # `Wants=a` that it is ignored, so it is kept for the units that have such a line.
    needy = [name for name, text in units.items() if _NEEDS_OTHERS.search(text)]
    calls = [
        [f"--recursive-errors={errors}", "--", *part]
        for errors, names in (("no", list(units)), ("one", needy))
        for part in parts([f"{folder}/{name}" for name in names], most=_share(len(names)))
    ]
    options = ("--man=no", "--generators=no")
    for done in at_once(lambda call: run("verify", *options, *call, user=user), calls):
        yield from done.stderr.splitlines()


def _share(units: int) -> int:
    """Return how many of so many units one process is to verify: some on each processor."""
    return max(_FEWEST_UNITS, -(-units // processors()))


def _finding(line: str, folder: Path, units: Mapping[str, str]) -> Finding | None:
    """Return what `line` says about one of `units`, None when it is about another."""
    if (match := _ABOUT_LINE.fullmatch(line)) is not None:
        path = Path(match["path"])
        if path.parent != folder or path.name not in units:
            return None
        return Finding(unit=path.name, line=int(match["line"]), message=match["message"])
    match = _BAD_UNIT.fullmatch(line) or _ABOUT_UNIT.fullmatch(line)
    if match is not None and match["unit"] in units:
        return Finding(unit=match["unit"], line=0, message=match["message"])
    return _finding_by_path(line, folder, units)


def _finding_by_path(line: str, folder: Path, units: Mapping[str, str]) -> Finding | None:
    # "Failed to prepare filename PATH: Invalid argument", and whatever a later systemd says.
    for name in re.findall(re.escape(f"{folder}/") + r"([^\s:]+)", line):
        if name in units:
            return Finding(unit=name, line=0, message=line.replace(f"{folder}/", ""))
    return None
