# SPDX-License-Identifier: Apache-2.0
"""What systemd-analyze says of unit files and calendars."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.systemd.ports import CalendarAnswer, Finding, LinkEntry
from tests.contract.rig import Rig

SERVICE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
TIMER = "[Timer]\nOnCalendar=*-*-* 02:00:00\n"
# A Monday.
AFTER = datetime(2026, 11, 23, 0, 0, 0, 500_000, tzinfo=UTC)


def about(line: int, message: str, unit: str = "contract-a.service") -> Finding:
    return Finding(unit=unit, line=line, message=message)


def test_good_units_have_no_findings(rig: Rig) -> None:
    own = "[X-Debvisor]\nJob=a\n"
    units = {"contract-a.service": SERVICE + own, "contract-a.timer": TIMER + own}
    assert rig.analyzer.verify(units) == []
    assert rig.analyzer.verify({}) == []


def test_hundreds_of_units_are_judged_as_one(rig: Rig) -> None:
    """They are shared between the processors."""
    units = {f"contract-{number:03}.service": SERVICE for number in range(500)}
    units["contract-000.service"] = units["contract-499.service"] = f"{SERVICE}Foo=1\n"

    assert rig.analyzer.verify(units) == [
        about(4, "Unknown key 'Foo' in section [Service], ignoring.", "contract-000.service"),
        about(4, "Unknown key 'Foo' in section [Service], ignoring.", "contract-499.service"),
    ]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (
            f"[Unit]\nFoo=1\n{SERVICE}MemoryHardMax=1\n",
            [
                about(2, "Unknown key 'Foo' in section [Unit], ignoring."),
                about(6, "Unknown key 'MemoryHardMax' in section [Service], ignoring."),
            ],
        ),
        (f"{SERVICE}[Bogus]\nA=1\n", [about(4, "Unknown section 'Bogus'. Ignoring.")]),
        (
            "[Service]\nType=oneshot\n",
            [
                about(0, "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."),
                about(0, "has a bad unit file setting."),
            ],
        ),
        (
            f"[Unit]\nRequires=contract-none.service\n{SERVICE}",
            [
                about(
                    0,
                    "Failed to create contract-a.service/start:"
                    " Unit contract-none.service not found.",
                )
            ],
        ),
    ],
    ids=["unknown keys", "unknown section", "no command", "missing unit"],
)
def test_a_bad_service_is_found_out(rig: Rig, text: str, findings: list[Finding]) -> None:
    assert rig.analyzer.verify({"contract-a.service": text}) == findings


def test_a_masked_unit_cannot_be_required(rig: Rig) -> None:
    rig.units.write({"contract-m.service": LinkEntry("/dev/null")})
    text = f"[Unit]\nRequires=contract-m.service\n{SERVICE}"
    said = "Failed to create contract-a.service/start: Unit contract-m.service is masked."
    assert rig.analyzer.verify({"contract-a.service": text}) == [about(0, said)]


def test_a_bad_calendar_line_is_told_by_its_line(rig: Rig) -> None:
    units = {
        "contract-a.service": SERVICE,
        "contract-a.timer": f"{TIMER}OnCalendar=*-*-* 25:00:00\n",
        "contract-b.service": SERVICE,
        "contract-b.timer": "[Timer]\nOnCalendar=never\n",
    }
    refused = "Failed to parse calendar specification, ignoring: "
    assert rig.analyzer.verify(units) == [
        about(3, f"{refused}*-*-* 25:00:00", "contract-a.timer"),
        about(2, f"{refused}never", "contract-b.timer"),
        about(0, "Timer unit lacks value setting. Refusing.", "contract-b.timer"),
        about(0, "has a bad unit file setting.", "contract-b.timer"),
    ]


def test_what_is_wrong_with_units_of_others_is_not_told(rig: Rig) -> None:
    rig.write(foreign_service=f"{SERVICE}Foo=1\n")
    text = f"[Unit]\nRequires=contract-foreign.service\n{SERVICE}"
    assert rig.analyzer.verify({"contract-a.service": text}) == []


def test_units_that_need_each_other_find_each_other(rig: Rig) -> None:
    units = {
        "contract-a.service": f"[Unit]\nRequires=contract-b.service\n{SERVICE}",
        "contract-b.service": SERVICE,
    }
    assert rig.analyzer.verify(units) == []


def utc(*texts: str) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(f"{text}+00:00") for text in texts)


@pytest.mark.parametrize(
    ("spec", "normalized", "elapses"),
    [
        (
            "*-*-* 02:00:00 UTC",
            "*-*-* 02:00:00 UTC",
            utc("2026-11-23T02:00", "2026-11-24T02:00", "2026-11-25T02:00"),
        ),
        (
            "daily UTC",
            "*-*-* 00:00:00 UTC",
            utc("2026-11-24T00:00", "2026-11-25T00:00", "2026-11-26T00:00"),
        ),
        (
            "Mon,Wed *-*-* 03:00:00 Europe/Amsterdam",
            "Mon,Wed *-*-* 03:00:00 Europe/Amsterdam",
            utc("2026-11-23T02:00", "2026-11-25T02:00", "2026-11-30T02:00"),
        ),
        (
            "*-*-31 00:00:00 UTC",
            "*-*-31 00:00:00 UTC",
            utc("2026-12-31T00:00", "2027-01-31T00:00", "2027-03-31T00:00"),
        ),
        (
            "*-*~01 12:30:00 UTC",
            "*-*~01 12:30:00 UTC",
            utc("2026-11-30T12:30", "2026-12-31T12:30", "2027-01-31T12:30"),
        ),
        (
            "Mon *-*~07/1 03:00:00 UTC",
            "Mon *-*~07/1 03:00:00 UTC",
            utc("2026-11-30T03:00", "2026-12-28T03:00", "2027-01-25T03:00"),
        ),
        (
            "*-*~02..04 03:00:00 UTC",
            "*-*~02..04 03:00:00 UTC",
            utc("2026-11-27T03:00", "2026-11-28T03:00", "2026-11-29T03:00"),
        ),
        (
            "2027..2195/4-01-01..31/15 00:00:00 UTC",
            "2027..2195/4-01-01..31/15 00:00:00 UTC",
            utc("2027-01-01T00:00", "2027-01-16T00:00", "2027-01-31T00:00"),
        ),
        (
            "*-02-29 00:00:00 UTC",
            "*-02-29 00:00:00 UTC",
            utc("2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"),
        ),
        (
            "*-*-* 00:10..50/20:00 UTC",
            "*-*-* 00:10..50/20:00 UTC",
            utc("2026-11-23T00:10", "2026-11-23T00:30", "2026-11-23T00:50"),
        ),
        # Strictly after, by whole seconds.
        (
            "*-*-* 00:00:00,01 UTC",
            "*-*-* 00:00:00,01 UTC",
            utc("2026-11-23T00:00:01", "2026-11-24T00:00", "2026-11-24T00:00:01"),
        ),
        ("2026-12-01 06:00:00 UTC", "2026-12-01 06:00:00 UTC", utc("2026-12-01T06:00")),
        ("2020-01-01 00:00:00 UTC", "2020-01-01 00:00:00 UTC", ()),
        ("*-02-30 00:00:00 UTC", "*-02-30 00:00:00 UTC", ()),
    ],
)
def test_the_next_elapses_of_a_calendar(
    rig: Rig, spec: str, normalized: str, elapses: tuple[datetime, ...]
) -> None:
    answer = CalendarAnswer(spec=spec, normalized=normalized, elapses=elapses)
    assert rig.analyzer.calendar([spec], after=AFTER, count=3) == [answer]


def test_a_time_that_a_clock_change_skips_does_not_elapse(rig: Rig) -> None:
    [answer] = rig.analyzer.calendar(
        ["*-*-* 02:30:00 Europe/Amsterdam"], after=datetime(2026, 3, 28, tzinfo=UTC), count=2
    )
    assert answer.elapses == utc("2026-03-28T01:30", "2026-03-30T00:30")


def test_a_time_that_comes_twice_elapses_the_first_time(rig: Rig) -> None:
    [answer] = rig.analyzer.calendar(
        ["*-*-* 02:30:00 Europe/Amsterdam"], after=datetime(2026, 10, 24, 12, tzinfo=UTC), count=2
    )
    assert answer.elapses == utc("2026-10-25T00:30", "2026-10-26T01:30")


def test_bad_calendars_are_told_among_good_ones_in_order(rig: Rig) -> None:
    specs = ["*-*-* 01:00:00 UTC", "*-*-* 25:00:00", "*-*-* 02:00:00 UTC", "", "*-*-* 25:00:00"]
    answers = rig.analyzer.calendar(specs, after=AFTER, count=1)
    assert [answer.spec for answer in answers] == specs
    assert [answer.elapses for answer in answers] == [
        utc("2026-11-23T01:00"),
        (),
        utc("2026-11-23T02:00"),
        (),
        (),
    ]
    said = "Failed to parse calendar specification '*-*-* 25:00:00': Invalid argument"
    assert [answer.error for answer in answers] == [
        "",
        said,
        "",
        "Failed to parse calendar specification '': Invalid argument",
        said,
    ]


def test_a_sandbox_lowers_the_exposure_of_a_service(rig: Rig) -> None:
    sandbox = "NoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\n"
    rig.write(bare_service=SERVICE, apart_service=SERVICE + sandbox)
    rig.manager.reload()

    bare = rig.analyzer.exposure("contract-bare.service")
    apart = rig.analyzer.exposure("contract-apart.service")

    assert bare is not None
    assert apart is not None
    assert 0 < apart.score < bare.score <= 10
    assert str(bare) == "9.6 UNSAFE"
    assert apart.rating == "EXPOSED"


def test_a_service_that_does_not_exist_has_no_exposure(rig: Rig) -> None:
    assert rig.analyzer.exposure("contract-none.service") is None


def test_no_calendars_have_no_answers(rig: Rig) -> None:
    assert rig.analyzer.calendar([], after=AFTER, count=1) == []
