# SPDX-License-Identifier: Apache-2.0
"""What systemd says of a job is told in our words, at its place in the YAML, with a mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from debvisor_timers.errors import DefinitionError
from debvisor_timers.operations.check import check
from debvisor_timers.source import format_problem
from debvisor_timers.systemd.memory import MemorySystemd
from debvisor_timers.systemd.ports import (
    Analyzer,
    CalendarAnswer,
    Exposure,
    FileEntry,
    Finding,
    LinkEntry,
)
from tests.unit.operations.world import World

SERVICE, TIMER = "debvisor-job-one.service", "debvisor-job-one.timer"
HEAD = "jobs:\n  one:\n    command: [/bin/true]\n"


def told(world: World, keys: str) -> str:
    world.write(HEAD + keys)
    problems = check(world.host).problems
    return "\n\n".join(map(format_problem, problems)).replace(f"{world.layout.jobs}/", "")


def test_a_unit_that_is_missing_is_told_where_it_is_named(world: World) -> None:
    world.systemd.units.write({"x.service": FileEntry("[Service]\nExecStart=/bin/true\n")})
    keys = "    depends_on: [{unit: x.service}, {unit: nope.service}]\n"

    assert told(world, keys) == (
        "a.yaml:4:44: error: depends_on.unit: the unit 'nope.service' does not exist on this host"
        ' (systemd: "Unit nope.service not found")\n'
        "    4 |     depends_on: [{unit: x.service}, {unit: nope.service}]\n"
        "      |                                            ^^^^^^^^^^^^\n"
        " fix: install what brings it, or correct the name"
    )


def test_a_unit_that_is_masked_is_told_where_it_is_named(world: World) -> None:
    world.systemd.units.write({"m.service": LinkEntry("/dev/null")})

    assert told(world, "    depends_on:\n      - unit: m.service\n") == (
        "a.yaml:5:15: error: depends_on.unit: the unit 'm.service' is masked on this host"
        ' (systemd: "Unit m.service is masked")\n'
        "    5 |       - unit: m.service\n"
        "      |               ^^^^^^^^^\n"
        " fix: systemctl unmask m.service, or do not depend on it"
    )


def test_a_unit_that_is_missing_and_comes_from_the_defaults(world: World) -> None:
    text = "defaults: {depends_on: [{unit: nope.service}]}\n"
    (world.layout.config / "config.yaml").write_text(text, encoding="utf-8")

    assert told(world, "") == (
        "a.yaml:2:3: error: depends_on.unit: the unit 'nope.service' does not exist on this host"
        ' (systemd: "Unit nope.service not found") (from the defaults in config.yaml)\n'
        "    2 |   one:\n"
        "      |   ^^^\n"
        " fix: install what brings it, or correct the name"
    )


def test_a_calendar_that_cannot_be_read_is_told_once(world: World) -> None:
    keys = "    schedule: {on_calendar: [daily, Mon foo]}\n"

    assert told(world, keys) == (
        "a.yaml:4:37: error: schedule.on_calendar: 'Mon foo' is no time that systemd can read"
        ' (systemd: "Invalid argument")\n'
        "    4 |     schedule: {on_calendar: [daily, Mon foo]}\n"
        "      |                                     ^^^^^^^\n"
        " fix: see systemd.time(7), CALENDAR EVENTS; "
        "try it with: systemd-analyze calendar 'Mon foo'"
    )


def test_a_calendar_with_an_unknown_zone_is_told_which_to_write(world: World) -> None:
    keys = "    schedule:\n      on_calendar: Mon 03:00 Europe/Amsterdm\n"

    assert told(world, keys) == (
        "a.yaml:5:30: error: schedule.on_calendar: time zone 'Europe/Amsterdm' is not in this"
        " machine's time zone database\n"
        "    5 |       on_calendar: Mon 03:00 Europe/Amsterdm\n"
        "      |                              ^^^^^^^^^^^^^^^\n"
        " fix: write Europe/Amsterdam"
    )


def test_a_delay_that_could_last_until_the_next_run(world: World) -> None:
    keys = '    schedule: {cron: "*/5 * * * *", jitter: 5m}\n'

    assert told(world, keys) == (
        "a.yaml:4:45: error: schedule.jitter: a jitter of 5min is not shorter than 5min, the time"
        " between two runs: some would be left out\n"
        '    4 |     schedule: {cron: "*/5 * * * *", jitter: 5m}\n'
        "      |                                             ^^\n"
        " fix: use at most 4min59s, or 0 for none"
    )
    assert not told(world, '    schedule: {cron: "*/5 * * * *", jitter: 299s}\n')


def test_a_delay_that_could_last_until_the_next_run_on_the_day_of_a_clock_change(
    world: World,
) -> None:
    """02:30 becomes 03:00 there, half an hour before 03:30."""
    keys = '    schedule: {cron: "30 2,3 * * *", jitter: 45m, timezone: ZONE}\n'

    assert "is not shorter than 30min" in told(world, keys.replace("ZONE", "Europe/Berlin"))
    assert not told(world, keys.replace("ZONE", "UTC"))


def test_a_calendar_without_a_time_to_come(world: World) -> None:
    assert told(world, '    schedule: {on_calendar: "2020-01-01 03:00"}\n') == (
        "a.yaml:4:29: error: schedule.on_calendar: never fires again\n"
        '    4 |     schedule: {on_calendar: "2020-01-01 03:00"}\n'
        "      |                             ^^^^^^^^^^^^^^^^^^\n"
        " fix: write a date to come, and a time that is there on it"
    )


@pytest.mark.parametrize(
    ("section", "name", "message", "fix"),
    [
        ("Service", "Fooo", "", "remove it; systemd.directives(7) lists them all"),
        (
            "Service",
            "ReadWritePath",
            "; did you mean 'ReadWritePaths'?",
            "write ReadWritePaths, or remove it",
        ),
        (
            "Service",
            "MemoryMx",
            "; did you mean 'MemoryMax'?",
            "use the key `resources.memory_max`",
        ),
        ("Service", "ConditionHost", "", "write it under unit.Unit"),
    ],
)
def test_an_unknown_directive(
    world: World, section: str, name: str, message: str, fix: str
) -> None:
    keys = f"    unit:\n      {section}:\n        {name}: x\n"

    assert told(world, keys) == (
        f"a.yaml:6:9: error: unit.{section}: systemd has no directive {name}= in section {section}"
        f"{message} (systemd: \"Unknown key '{name}' in section [{section}]\")\n"
        f"    6 |         {name}: x\n"
        f"      |         {'^' * len(name)}\n"
        f" fix: {fix}"
    )


def test_a_plan_stops_at_what_systemd_refuses(world: World) -> None:
    with pytest.raises(DefinitionError) as refused:
        world.apply(HEAD + "    unit: {Service: {Fooo: 1}}\n")

    assert [str(problem.span) for problem in refused.value.problems] == [
        f"{world.layout.jobs}/a.yaml:4:22"
    ]


@dataclass(frozen=True)
class Scripted(Analyzer):
    """An Analyzer that says of unit files what it is told to; calendars are the twin's."""

    findings: Sequence[tuple[str, str, str]]
    twin: MemorySystemd

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        return [
            Finding(unit=unit, line=_line_of(line, units[unit]), message=message)
            for unit, line, message in self.findings
        ]

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        return self.twin.analyzer.calendar(specs, after=after, count=count)

    def timestamp(self, text: str) -> datetime:
        return self.twin.analyzer.timestamp(text)

    def exposure(self, service: str) -> Exposure | None:
        return self.twin.analyzer.exposure(service)


def _line_of(line: str, text: str) -> int:
    return text.splitlines().index(line) + 1 if line else 0


def said(world: World, keys: str, *findings: tuple[str, str, str]) -> list[str]:
    world.host = replace(world.host, analyzer=Scripted(findings, world.systemd))
    world.write(HEAD + keys)
    return [
        f"{problem.span.line}:{problem.span.column} {problem.severity} {problem.key}: "
        f"{problem.message.split(' (systemd: ')[0]}; {problem.fix}"
        for problem in check(world.host).problems
    ]


@pytest.mark.parametrize(
    ("keys", "line", "message", "expected"),
    [
        (
            "    unit: {Service: {Nice: abc}}\n",
            "Nice=abc",
            "Failed to parse Nice=abc, ignoring: Invalid argument",
            (
                "4:28 error unit.Service.Nice: systemd does not take 'abc' for Nice=; "
                "correct it; systemd.directives(7) names the manual page of Nice="
            ),
        ),
        (
            "    unit:\n      Service:\n        ReadWritePaths: [/a, b]\n",
            "ReadWritePaths=b",
            "ReadWritePaths= path is not absolute, ignoring: b",
            "6:30 error unit.Service.ReadWritePaths: 'b' is not an absolute path; begin it with /",
        ),
        (
            "    unit: {Service: {ReadWritePaths: /%Z}}\n",
            "ReadWritePaths=/%Z",
            "Failed to resolve unit specifiers in /%Z: Invalid slot",
            (
                "4:38 error unit.Service.ReadWritePaths: '/%Z' holds a specifier that systemd does "
                "not know; write %% for a percent sign"
            ),
        ),
        (
            "    unit: {Unit: {Wants: a}}\n",
            "Wants=a",
            "Failed to add dependency on a, ignoring: Invalid argument",
            "4:26 error unit.Unit.Wants: 'a' is not a unit name; write its type too: a.service",
        ),
        (
            "    unit: {Service: {CPUShares: 1000}}\n",
            "CPUShares=1000",
            (
                "Unit uses CPUShares=; please use CPUWeight= instead. "
                "Support for CPUShares= will be removed soon."
            ),
            (
                "4:22 warning unit.Service: a later systemd will not know CPUShares=; "
                "write CPUWeight, or remove it"
            ),
        ),
        (
            "    resources: {memory_max: 1G}\n",
            "MemoryMax=1G",
            "Invalid memory limit '1G', ignoring: Numerical result out of range",
            (
                "4:29 error resources.memory_max: systemd does not take '1G' for MemoryMax=; "
                "correct it; systemd.directives(7) names the manual page of MemoryMax="
            ),
        ),
        (
            "    user: root\n    sandbox: standard\n",
            "ProtectSystem=full",
            "Failed to parse protect system value, ignoring: full",
            (
                "5:14 error sandbox: systemd does not take 'full' for ProtectSystem=; "
                "correct it; systemd.directives(7) names the manual page of ProtectSystem="
            ),
        ),
        (
            "    user: nobody\n",
            "User=nobody",
            "Special user nobody configured, this is not safe!",
            (
                "4:11 warning user: 'nobody' is the user of other programs too, which can then "
                "reach what is this job's; "
                "give the job a user of its own: adduser --system --group NAME"
            ),
        ),
        (
            "    depends_on: [{unit: a.service}]\n",
            "",
            "Failed to create debvisor-job-one.service/start: Unit b.service not found.",
            (
                "4:17 error depends_on: the unit 'b.service', which one of these needs, does not "
                "exist on this host; install what brings it, or correct the name"
            ),
        ),
        (
            "    depends_on: [{unit: a.service}]\n",
            "",
            (
                "Failed to create debvisor-job-one.service/start: "
                "Unit a.service has a bad unit file setting."
            ),
            (
                "4:25 error depends_on.unit: the unit 'a.service' cannot be started on this host; "
                "systemd-analyze verify a.service tells what is wrong with it"
            ),
        ),
        (
            "",
            "",
            "Command /x/begin is not executable: No such file or directory",
            (
                "2:3 error : /x/begin, which each job needs, cannot be started; "
                "apt install --reinstall debvisor-timers"
            ),
        ),
        (
            "",
            "",
            "Something new.",
            (
                "2:3 error : systemd refuses debvisor-job-one.service; "
                "debvisor-timers show one --units prints the unit as it is now"
            ),
        ),
    ],
)
def test_what_systemd_says_has_a_place(
    world: World, keys: str, line: str, message: str, expected: str
) -> None:
    assert said(world, keys, (SERVICE, line, message)) == [expected]


def test_consequences_of_a_mistake_are_not_told(world: World) -> None:
    found = said(
        world,
        "    unit: {Service: {SupplementaryGroups: 'b:c'}}\n",
        (SERVICE, "SupplementaryGroups=b:c", "Invalid user/group name or numeric ID: b:c"),
        (SERVICE, "", "Unit configuration has fatal error, unit will not be started."),
        (SERVICE, "", "has a bad unit file setting."),
    )

    assert [one.split(";")[0] for one in found] == [
        (
            "4:43 error unit.Service.SupplementaryGroups: "
            "systemd does not take 'b:c' for SupplementaryGroups="
        )
    ]


def test_a_consequence_alone_is_told(world: World) -> None:
    assert len(said(world, "", (SERVICE, "", "has a bad unit file setting."))) == 1


def test_the_rest_of_a_timer_is_told_besides_its_calendar(world: World) -> None:
    found = said(
        world,
        "    schedule: {on_calendar: nonsense}\n    unit: {Timer: {WakeSystem: x}}\n",
        (TIMER, "OnCalendar=nonsense", "Failed to parse calendar specification, ignoring: x"),
        (TIMER, "WakeSystem=x", "Failed to parse WakeSystem=x, ignoring: Invalid argument"),
        (TIMER, "", "Timer unit lacks value setting. Refusing."),
        (TIMER, "", "has a bad unit file setting."),
    )

    assert [one.split(":")[0] for one in found] == ["4", "5"]


@pytest.mark.parametrize(
    ("times", "jitter", "least"),
    [
        ("'*:0/10'", "10min", "10min"),
        ("['Mon 03:00', 'Mon 03:20']", "20min", "20min"),
        ("'Mon,Tue 03:00'", "1d", "1d"),
    ],
)
def test_a_jitter_that_is_not_shorter_than_the_time_between_two_runs(
    world: World, times: str, jitter: str, least: str
) -> None:
    world.write(HEAD + f"    schedule: {{on_calendar: {times}, jitter: {jitter}}}\n")

    (problem,) = check(world.host).problems

    assert (problem.key, problem.is_error) == ("schedule.jitter", True)
    assert problem.message == (
        f"a jitter of {jitter} is not shorter than {least}, the time between two runs: "
        "some would be left out"
    )
    assert problem.fix.endswith("or 0 for none")


@pytest.mark.parametrize(("times", "jitter"), [("'*:0/10'", "9min"), ("'2027-01-01'", "1h")])
def test_a_jitter_that_is_shorter_is_right(world: World, times: str, jitter: str) -> None:
    world.write(HEAD + f"    schedule: {{on_calendar: {times}, jitter: {jitter}}}\n")

    assert check(world.host).problems == ()
