# SPDX-License-Identifier: Apache-2.0
"""report: its text, its HTML and its JSON."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from debvisor_timers.cli.output import percent
from debvisor_timers.errors import PermissionRefusedError
from tests.unit.cli.program import Program
from tests.unit.operations.ran import Ran, days, ran

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
HOSTILE = '</style><script>alert("1")</script><img src=x onerror=alert(2)>{{ 7*7 }}&amp;\'"'
JOBS = """\
jobs:
  backup: {name: Nightly backup, schedule: "0 2 * * *", command: [/bin/true]}
  mail: {schedule: "0 2 * * *", command: [/bin/true]}
  sync: {schedule: "0 2 * * *", command: [/bin/true]}
"""
TEXT = """\
Jobs on HOST, Mon 2026-11-16 12:00 to Mon 2026-11-23 12:00 UTC

2 of 12 runs failed, of 1 job; it still fails.

                   the 7 days before
  runs             12              1
  succeeded    83.3 %        100.0 %
  failed            2              0
  stopped by hand   0              0
  skipped starts    1              0

FAILED
  backup (Nightly backup): 2 of 6 runs, and it still fails
    Mon 2026-11-23 02:00:00  failed (exit status 1), after 1min
      debvisor-timers logs backup --run ID
    Sat 2026-11-21 02:00:00  failed (exit status 1), after 1min
      debvisor-timers logs backup --run ID

FLAKY
They fail and work by turns, or need further attempts.
  backup (Nightly backup): changed between success and failure 3 times

MISSED
Not every planned start became a run in its time.
  mail: 1 start skipped: excluded: holidays

NEVER RAN
  sync: every day at 02:00; next start Tue 2026-11-24 02:00:00

NEXT BIG COLLISIONS
So many jobs start within a quarter of an hour in the next 7 days.
  Tue 2026-11-24 02:00: 3 starts of backup, mail, sync; they meet 6 times more
"""


class Page(HTMLParser):
    """The tags of a page with their attributes, and what a reader sees of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._said: list[str] = []
        self._is_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self._said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._said).split())


def back(number: int) -> datetime:
    """Return two in the morning, so many days ago."""
    return datetime(2026, 11, 23, 2, tzinfo=UTC) - number * DAY


@pytest.fixture
def told(program: Program) -> Program:
    """Return the command line over a host on which not all was well."""
    world = program.world
    world.write(JOBS)
    success, failure = "success", "exit-code"
    days(world, "backup", *[success] * 3, failure, success, failure, start=back(5))
    days(world, "mail", *[success] * 6, start=back(6))
    ran(world, "mail", Ran(start=back(0), skipped="excluded: holidays"))
    days(world, "mail", success, start=back(8))
    return program


def ids_out(text: str) -> str:
    """Return `text` with what differs from one day to the next taken out."""
    words = [line.partition("--run ") for line in text.splitlines()]
    lines = [f"{line}{option}ID" if option else line for line, option, _ in words]
    return "\n".join([*lines, ""]).replace(os.uname().nodename, "HOST")


def test_a_week_as_text(told: Program) -> None:
    answer = told("report")

    assert (answer.code, answer.err) == (0, "")
    assert ids_out(answer.out).split() == TEXT.split()
    assert ids_out(answer.out).splitlines()[10:] == TEXT.splitlines()[10:]


def test_a_pipe_gets_no_colour_and_a_terminal_does(told: Program) -> None:
    assert "\x1b[" not in told("report").out
    assert "\x1b[31m\x1b[1mFAILED" in told("report", terminal=True).out


def test_text_fits_80_columns_whatever_its_jobs_are_called(program: Program) -> None:
    long = "a" * 63
    names = "name: " + "An unreasonably long name " * 6
    program.world.write(f"jobs: {{{long}: {{{names}, command: [/bin/true]}}}}\n")
    days(program.world, long, *["exit-code", "success"] * 3, start=back(5))
    ran(program.world, long, Ran(start=back(0), skipped="maintenance: " + "very long " * 20))

    lines = program("report").out.splitlines()

    assert all(len(line) <= 80 for line in lines[1:])
    at = lines.index("      debvisor-timers logs \\")
    assert lines[at + 1] == f"        {long} \\"
    assert lines[at + 2].startswith("        --run 2026")


@pytest.mark.parametrize(
    ("jobs", "verdict"),
    [
        ("", "There are no jobs yet. The first one is a file in jobs.d, and an apply."),
        (JOBS, "None of 3 jobs ran in this time."),
    ],
)
def test_where_nothing_ran(program: Program, jobs: str, verdict: str) -> None:
    program.world.write(jobs)

    answer = program("report")

    assert answer.code == 0
    assert answer.out.splitlines()[2] == verdict
    assert verdict in Page(program("report", "--html").out).text


def test_a_perfect_week(program: Program) -> None:
    program.world.write("jobs: {a: {schedule: '0 2 * * *', command: [/bin/true]}}\n")
    days(program.world, "a", *["success"] * 7, start=back(6))

    answer = program("report")

    verdict = "All is well: all 7 runs succeeded, and nothing was missed."
    assert answer.out.splitlines()[2] == verdict
    assert "FAILED" not in answer.out
    assert ("p", {"class": "verdict good"}) in Page(program("report", "--html").out).tags


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        (["exit-code"], "1 of 1 run failed, of 1 job; it still fails."),
        (["exit-code", "success"], "1 of 2 runs failed, of 1 job; it works again."),
        (["success"], "All is well: the only run succeeded, and nothing was missed."),
    ],
)
def test_verdicts(program: Program, results: list[str], verdict: str) -> None:
    program.world.write("jobs: {a: {command: [/bin/true]}}\n")
    days(program.world, "a", *results, start=back(1))

    assert program("report").out.splitlines()[2] == verdict


def test_many_failures_of_a_job_are_counted_and_the_newest_shown(program: Program) -> None:
    program.world.write("jobs: {a: {command: [/bin/true]}}\n")
    days(program.world, "a", *["exit-code"] * 9, start=back(8))

    lines = program("report", "--since", "30d").out.splitlines()

    assert sum("failed (exit status 1)" in line for line in lines) == 5
    at = lines.index("    and 4 more before")
    assert lines[at + 1 : at + 3] == [
        "      debvisor-timers history a --status failed \\",
        "        --since 'Sat 2026-10-24 12:00:07'",
    ]
    document = program("report", "--since", "30d", "--json").json
    assert len(document["failed"][0]["failures"]) == 9


def test_many_jobs_are_cut_and_named(program: Program) -> None:
    jobs = [f"job-{number:02}" for number in range(50)]
    program.world.write("jobs: {" + ", ".join(f"{job}: {{command: [a]}}" for job in jobs) + "}\n")
    for job in jobs:
        days(program.world, job, "exit-code", start=back(1))

    out = program("report").out

    assert "50 of 50 runs failed, of 50 jobs; all of them still fail." in out
    assert "job-19: 1 of 1 run" in out
    assert "job-20: 1 of 1 run" not in out
    assert "  and job-20, job-21, " in out
    assert out.split("and job-20")[1].split("\n\n")[0].strip().endswith("job-39 and 10 more")


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("7d", "Mon 2026-11-16 12:00"),
        ("36h", "Sun 2026-11-22 00:00"),
        ("1w 1d", "Sun 2026-11-15 12:00"),
        ("2026-11-20", "Fri 2026-11-20 00:00"),
        ("yesterday", "Sun 2026-11-22 00:00"),
    ],
)
def test_since_is_a_duration_or_a_time(told: Program, since: str, first: str) -> None:
    assert f", {first} to Mon 2026-11-23 12:00 UTC" in told("report", "--since", since).out


def test_until_ends_the_time(told: Program) -> None:
    out = told("report", "--since", "2d", "--until", "2026-11-21").out

    assert ", Thu 2026-11-19 00:00 to Sat 2026-11-21 00:00 UTC" in out
    assert "All is well: all 4 runs succeeded" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "7"], "--since 7: no unit\n fix: write 7d, or a time such as yesterday"),
        (["--since", "infinity"], "too long"),
        (["--since", "soon"], "'soon' is no time that systemd can read"),
        (["--since", "tomorrow"], "ends before it begins"),
        (["--since", "tomorrow", "--until", "+3d"], "has not begun yet"),
        (["--html", "--json"], "--html and --json together"),
    ],
)
def test_what_makes_no_sense(program: Program, arguments: list[str], words: str) -> None:
    answer = program("report", *arguments)

    assert answer.code == 2
    assert words in answer.err


def test_who_may_not_read_the_past_is_told_so(told: Program) -> None:
    refused = PermissionRefusedError("this user may not read the journal", fix="join the group")
    told.world.systemd.steps.fail_on("journal.records", refused)

    answer = told("report")

    assert answer.code == 4
    assert answer.err == "error: this user may not read the journal\n fix: join the group\n"


def test_a_file_is_written_as_a_whole_and_without_colour(told: Program, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"

    answer = told("report", "--output", str(path), terminal=True)

    assert answer.out == ""
    assert answer.err.endswith(f"{path}: written\n")
    assert ids_out(path.read_text(encoding="utf-8")).split() == TEXT.split()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert told("report", "--output", "-").out == told("report").out
    assert told("report", "--output", str(tmp_path)).code == 2


# --- HTML -----------------------------------------------------------------------------------------


def test_html_says_what_the_text_says(told: Program) -> None:
    page = Page(told("report", "--html").out)

    for words in (
        "2 of 12 runs failed, of 1 job; it still fails.",
        "backup Nightly backup 2 of 6 runs, and it still fails",
        "Mon 2026-11-23 02:00:00 failed (exit status 1), after 1min debvisor-timers logs backup",
        "1 start skipped: excluded: holidays",
        "every day at 02:00; next start Tue 2026-11-24 02:00:00",
        "3 starts of backup, mail, sync; they meet 6 times more",
        "the 7 days before",
    ):
        assert words in page.text
    headings = [dict_["class"] for tag, dict_ in page.tags if tag == "h2"]
    assert headings == ["bad", "bad", "odd", "plain", "plain"]


def test_html_is_one_file_without_a_script(told: Program) -> None:
    text = told("report", "--html").out
    page = Page(text)

    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p"),
        *("span", "table", "tr", "th", "td", "ul", "li", "time", "code", "footer"),
    }
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert attributes <= {"lang", "charset", "name", "content", "class", "scope"}
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_what_users_write_can_become_no_tag(program: Program) -> None:
    quoted = HOSTILE.replace("'", "''")
    program.world.write(f"jobs: {{a: {{name: '{quoted}', command: [/bin/true]}}}}\n")
    days(program.world, "a", "exit-code", "success", "exit-code", start=back(4))
    ran(program.world, "a", Ran(start=back(0), skipped=f"maintenance: {HOSTILE}\x1b]0;x\x07\n"))

    answer = program("report", "--html")
    page = Page(answer.out)

    assert answer.code == 0
    assert not [tag for tag, _ in page.tags if tag in {"script", "img"}]
    assert HOSTILE in page.text.replace('" ', '"')
    assert "49" not in page.text
    text = program("report").out
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_a_hostile_host_name(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    from debvisor_timers.cli.digest import digest  # noqa: PLC0415
    from debvisor_timers.cli.report_html import html_of  # noqa: PLC0415
    from debvisor_timers.operations.past.report import report, report_template  # noqa: PLC0415

    found = report(program.world.host, since=back(7), until=back(0))

    page = Page(html_of(digest(found, host=HOSTILE), report_template()))

    assert not [tag for tag, _ in page.tags if tag in {"script", "img"}]


# --- JSON -----------------------------------------------------------------------------------------


def test_json_has_all(told: Program) -> None:
    document = told("report", "--json").json

    assert document["since"] == "2026-11-16T13:00:07+01:00"
    assert document["totals"] == {
        "runs": 12,
        "succeeded": 10,
        "failed": 2,
        "stopped": 0,
        "skipped_starts": 1,
        "under_way": 0,
        "success_rate": 10 / 12,
    }
    (failed,) = document["failed"]
    run = failed["failures"][0]
    assert run["logs"] == ["debvisor-timers", "logs", "backup", "--run", run["run"]]
    assert document["missed"][0]["skipped_starts"] == [
        {"reason": "excluded: holidays", "starts": 1}
    ]
    assert document["never_ran"][0]["job"] == "sync"
    assert document["collisions"][0]["jobs"] == ["backup", "mail", "sync"]
    assert document["is_well"] is False


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, "-"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.99999, "99.9 %"),
        (0.00001, "0.1 %"),
        (0.5, "50.0 %"),
    ],
)
def test_a_rate_is_never_rounded_to_perfect(rate: float | None, words: str) -> None:
    assert percent(rate) == words


def test_a_report_writes_the_metrics_too_where_config_says_so(
    told: Program, tmp_path: Path
) -> None:
    file = tmp_path / "jobs.prom"
    config = told.world.layout.config / "config.yaml"
    config.write_text(f"metrics: {{textfile: {file}}}\n")
    told.world.apply()

    assert told("report").err == ""

    assert file.read_text().startswith("# HELP debvisor_timers_")
    config.write_text(f"metrics: {{textfile: {tmp_path}/none/jobs.prom}}\n")
    told.world.apply()
    answer = told("report")
    assert (answer.code, "note: the metrics were not written" in answer.err) == (0, True)
