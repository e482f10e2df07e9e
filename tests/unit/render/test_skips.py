# SPDX-License-Identifier: Apache-2.0
"""What a service says of calendars and maintenance windows."""

from __future__ import annotations

from typing import Any

import pytest

from debvisor_timers.jobs.windows import MaintenanceWindow
from debvisor_timers.render.job import render_job
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.runtime import notes
from tests.unit.render.settings import job, settings

SUNDAY = {"cron": "0 1 * * sun", "duration": "4h", "reason": "kernel updates"}
SINGLE = {"from": "2026-12-01 22:00", "until": "2026-12-02 04:00"}


def said(directive: str, *windows: dict[str, Any], **keys: Any) -> tuple[str, ...]:
    """Return the values of a directive of a service, as systemd would read them."""
    calendars = {"holidays": ("2026-12-25..2026-12-26", "*-01-01"), "empty": ()}
    known = [MaintenanceWindow.model_validate(window) for window in windows]
    host = settings(calendars=calendars, windows=known)
    text = render_job(job(**keys), host, generation=1).files["debvisor-job-a.service"]
    return UnitFile.parse(text).get("Service", directive)


def scheduled(*exclude: str) -> dict[str, object]:
    return {"cron": "0 2 * * *", "exclude": list(exclude)}


def test_each_calendar_has_a_line_and_the_own_dates_come_first() -> None:
    lines = said("X-Exclude", schedule=scheduled("holidays", "2026-05-05", "empty"))

    assert lines == ("- 2026-05-05", "holidays 2026-12-25..2026-12-26 *-01-01")


@pytest.mark.parametrize(
    ("window", "line"),
    [
        (SUNDAY, "14400s | Sun *-*-* 01:00:00 | kernel updates"),
        ({**SUNDAY, "timezone": "UTC"}, "14400s | Sun *-*-* 01:00:00 UTC | kernel updates"),
        ({**SUNDAY, "reason": ""}, "14400s | Sun *-*-* 01:00:00"),
        (
            {**SUNDAY, "timezone": "Europe/Berlin", "reason": ""},
            "14400s | Sun *-*-* 01:00:00 Europe/Berlin",
        ),
        ({"on_calendar": "Sun 01:00", "duration": "1500ms"}, "2s | Sun 01:00"),
        (SINGLE, "21600s | 2026-12-01 21:00:00 UTC"),
        ({**SINGLE, "timezone": "Asia/Tokyo"}, "21600s | 2026-12-01 13:00:00 UTC"),
        # The clock is put back in it: it lasts an hour longer than it seems.
        (
            {"from": "2026-10-25 01:00", "until": "2026-10-25 04:00", "reason": "100% | a"},
            "14400s | 2026-10-24 23:00:00 UTC | 100% | a",
        ),
    ],
)
def test_a_window_is_its_length_its_beginning_and_its_reason(
    window: dict[str, Any], line: str
) -> None:
    (found,) = said("X-Maintenance", window)

    assert found.replace("%%", "%") == line


def test_a_window_within_the_hour_that_does_not_exist_is_none() -> None:
    window = {"from": "2027-03-28 02:10", "until": "2027-03-28 03:05"}

    assert said("X-Maintenance", window) == ()


def test_windows_reach_the_jobs_that_they_concern() -> None:
    windows = [
        {**SUNDAY, "reason": "of a", "jobs": ["a"]},
        {**SUNDAY, "reason": "of b", "jobs": ["b"]},
        {**SUNDAY, "reason": "but a", "except": ["a"]},
        {**SUNDAY, "reason": "but b", "except": ["b"]},
    ]

    lines = said("X-Maintenance", *windows)

    assert [line.rpartition(" | ")[2] for line in lines] == ["of a", "but b"]


def test_a_boot_is_kept_off_by_a_window_and_a_job_without_either_by_none() -> None:
    assert said("X-Maintenance", SUNDAY, schedule=None, triggers=[{"boot": "1min"}]) != ()
    assert said("X-Maintenance", SUNDAY, schedule=None) == ()


def test_what_is_written_is_what_begin_reads(tmp_path: Any) -> None:
    """Percent signs included: systemd passes over these lines and expands nothing."""
    host = settings(windows=[MaintenanceWindow.model_validate({**SUNDAY, "reason": "100%n"})])
    path = tmp_path / "x.service"
    path.write_text(render_job(job(), host, generation=1).files["debvisor-job-a.service"])

    found = notes.statements(str(path))

    assert found["[Service]", "X-Maintenance"] == ["14400s | Sun *-*-* 01:00:00 | 100%n"]
