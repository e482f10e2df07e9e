# SPDX-License-Identifier: Apache-2.0
"""systemd-analyze as a program: missing, talkative, with more than one command line takes."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.analyzer import CommandAnalyzer
from debvisor_timers.systemd.ports import CalendarAnswer, Finding

AFTER = datetime(2026, 11, 23, tzinfo=UTC)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a systemd-analyze of ours first in the PATH."""
    program = folder / "systemd-analyze"
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_missing_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemdError, match="systemd-analyze is not installed"):
        CommandAnalyzer().verify({"a.service": ""})
    with pytest.raises(SystemdError, match="systemd-analyze is not installed"):
        CommandAnalyzer().calendar(["daily"], after=AFTER, count=1)


def test_many_calendars_are_asked_in_several_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        f"echo $# >>{tmp_path}/calls\n"
        "shift 4\n"
        'for spec; do echo "Normalized form: $spec"; echo "Next elapse: never"; done\n',
    )
    specs = [f"{number:0200}" for number in range(6000)]
    answers = CommandAnalyzer().calendar(specs, after=AFTER, count=1)
    assert answers == [CalendarAnswer(spec=spec, normalized=spec) for spec in specs]
    calls = [int(line) - 4 for line in (tmp_path / "calls").read_text().splitlines()]
    assert len(calls) == 3
    assert sum(calls) == 6000


def test_local_times_are_read_from_the_line_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        """cat <<'END'
  Original form: daily
Normalized form: *-*-* 00:00:00
    Next elapse: Tue 2026-11-24 00:00:00 CET
       (in UTC): Mon 2026-11-23 23:00:00 UTC
       From now: 11h left
   Iteration #2: Wed 2026-11-25 00:00:00 CET
       (in UTC): Tue 2026-11-24 23:00:00 UTC
       From now: 1 day 11h left
END
""",
    )
    [answer] = CommandAnalyzer().calendar(["daily"], after=AFTER, count=2)
    assert answer.normalized == "*-*-* 00:00:00"
    assert answer.elapses == (
        datetime(2026, 11, 23, 23, tzinfo=UTC),
        datetime(2026, 11, 24, 23, tzinfo=UTC),
    )


def test_when_answers_and_questions_do_not_match_each_is_asked_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        "shift 4\n"
        '[ $# -eq 1 ] || { echo "unheard of" >&2; exit 1; }\n'
        '[ "$1" != bad ] || { echo "unheard of" >&2; exit 1; }\n'
        'echo "Normalized form: $1"; echo "Next elapse: Mon 2026-11-23 02:00:00 UTC"\n',
    )
    good, bad = CommandAnalyzer().calendar(["good", "bad"], after=AFTER, count=1)
    assert good.elapses == (datetime(2026, 11, 23, 2, tzinfo=UTC),)
    assert bad == CalendarAnswer(spec="bad", error="unheard of")


def test_findings_name_the_unit_and_not_the_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        "for file; do :; done\n"
        'echo "$file:7: Something new" >&2\n'
        'echo "$file:7: Something new" >&2\n'
        'echo "Failed to prepare filename $file: Invalid argument" >&2\n'
        'echo "/etc/systemd/system/a.service.d/more.conf:2: Not ours" >&2\n'
        'echo "b.service: Not ours" >&2\n'
        'echo "Requested transaction contains an unfixable cycle" >&2\n',
    )
    assert CommandAnalyzer().verify({"a.service": "[Service]\n"}) == [
        Finding(unit="a.service", line=7, message="Something new"),
        Finding(
            unit="a.service",
            line=0,
            message="Failed to prepare filename a.service: Invalid argument",
        ),
    ]
