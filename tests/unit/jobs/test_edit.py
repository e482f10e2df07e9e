# SPDX-License-Identifier: Apache-2.0
"""Edits of job files: what changes, and that nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from debvisor_timers.errors import DefinitionError, RefusedError
from debvisor_timers.jobs.edit import copy_job, edit_jobs, jobs_in, new_file, parse_jobs
from debvisor_timers.jobs.emit import Writable

PATH = Path("/etc/debvisor/timers/jobs.d/a.yaml")

TEXT = """\
# Backups of this host.

jobs:
  # Every night.
  nightly:    # the one that matters
    schedule: "0 2 * * *"   # before the office opens
    command: [/usr/bin/restic, backup,\t/srv]\t# a tab
    # Long enough for the big volume.
    timeout: 30min
    tags: {site: ams1, 'tier': "1"}
    environment:
      # of the repository
      RESTIC_REPOSITORY: /srv/backup  # local
      B: two
    # trailing remark of nightly

  # Every hour.
  hourly:
    schedule: {cron: '0 * * * *', timezone: UTC}
    script: |
      set -e

      echo hello
    depends_on:
      - nightly   # first
      # the report comes later
      - {job: report, type: after}

# the end
"""


def edited(text: str, job: str, **keys: Writable | None) -> str:
    """Return `text` with some keys of a job set; None takes one away."""
    document = parse_jobs(PATH, text)
    body = jobs_in(document)[job]
    assert isinstance(body, dict)
    whole: dict[str, Writable | None] = {**body, **keys}
    return edit_jobs(document, {job: {k: v for k, v in whole.items() if v is not None}})


@pytest.mark.parametrize(
    ("job", "keys", "old", "new"),
    [
        (
            "nightly",
            {"schedule": "0 3 * * *"},
            'schedule: "0 2 * * *"   # b',
            'schedule: "0 3 * * *"   # b',
        ),
        ("nightly", {"timeout": 7200}, "timeout: 30min", "timeout: 7200"),
        (
            "nightly",
            {"command": ["/bin/true", "a b", "-x"]},
            "[/usr/bin/restic, backup,\t/srv]",
            "[/bin/true, a b, -x]",
        ),
        (
            "nightly",
            {"tags": {"site": "ams2", "tier": "1"}},
            "{site: ams1, 'tier': \"1\"}",
            "{site: ams2, 'tier': \"1\"}",
        ),
        (
            "nightly",
            {"tags": {"site": "ams1", "tier": "1", "team": "infra"}},
            "'tier': \"1\"}",
            "'tier': \"1\", team: infra}",
        ),
        ("nightly", {"tags": {"tier": "1"}}, "{site: ams1, 'tier'", "{'tier'"),
        ("nightly", {"tags": {"site": "ams1"}}, "ams1, 'tier': \"1\"}", "ams1}"),
        (
            "nightly",
            {"environment": {"RESTIC_REPOSITORY": "/srv/other", "B": "two"}},
            "/srv/backup  # local",
            "/srv/other  # local",
        ),
        (
            "hourly",
            {"schedule": {"cron": "5 * * * *", "timezone": "UTC"}},
            "'0 * * * *'",
            "'5 * * * *'",
        ),
        (
            "hourly",
            {"schedule": {"cron": "0 * * * *"}},
            "'0 * * * *', timezone: UTC}",
            "'0 * * * *'}",
        ),
        ("hourly", {"schedule": "@daily"}, "{cron: '0 * * * *', timezone: UTC}", '"@daily"'),
        (
            "hourly",
            {"script": "set -e\necho bye\n"},
            "      set -e\n\n      echo hello\n",
            "      set -e\n      echo bye\n",
        ),
        ("hourly", {"script": "true"}, "|\n      set -e\n\n      echo hello\n", '"true"\n'),
        (
            "hourly",
            {"depends_on": ["nightly", {"job": "report", "type": "after"}, "other"]},
            "type: after}\n",
            "type: after}\n      - other\n",
        ),
        (
            "hourly",
            {"depends_on": ["nightly"]},
            "      # the report comes later\n      - {job: report, type: after}\n",
            "",
        ),
    ],
)
def test_one_changed_key_changes_its_line_alone(
    job: str, keys: Mapping[str, Writable | None], old: str, new: str
) -> None:
    assert TEXT.count(old) == 1

    assert edited(TEXT, job, **keys) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("keys", "before", "line"),
    [
        ({"name": "Nightly"}, '    schedule: "0 2', "    name: Nightly\n"),
        ({"owner": "admin"}, "    # Long enough", "    owner: admin\n"),
        ({"priority": "high"}, "    # Long enough", "    priority: high\n"),
        ({"retries": {"max": 3}}, "    tags:", "    retries: {max: 3}\n"),
        ({"enabled": False}, "    # trailing remark", "    enabled: false\n"),
        ({"input": "a\nb\n"}, "    # Long enough", "    input: |\n      a\n      b\n"),
    ],
)
def test_a_new_key_goes_where_people_look_for_it(
    keys: Mapping[str, Writable | None], before: str, line: str
) -> None:
    assert edited(TEXT, "nightly", **keys) == TEXT.replace(before, line + before)


def test_a_key_goes_with_the_comment_above_it() -> None:
    gone = "    # Long enough for the big volume.\n    timeout: 30min\n"

    assert edited(TEXT, "nightly", timeout=None) == TEXT.replace(gone, "")


def test_a_job_goes_with_its_comments_and_not_those_of_the_next() -> None:
    start, end = TEXT.index("  # Every night."), TEXT.index("\n  # Every hour.")

    text = edit_jobs(parse_jobs(PATH, TEXT), {"nightly": None})

    assert text == TEXT[:start] + TEXT[end:]


def test_the_last_job_goes_with_its_blank_line() -> None:
    start, end = TEXT.index("\n  # Every hour."), TEXT.index("\n# the end")

    assert edit_jobs(parse_jobs(PATH, TEXT), {"hourly": None}) == TEXT[:start] + TEXT[end:]


def test_a_new_job_goes_behind_the_last_one() -> None:
    job: dict[str, Writable] = {"enabled": False, "command": ["/bin/true"], "schedule": "0 4 * * *"}
    added = """\

  other:
    schedule: "0 4 * * *"
    command: [/bin/true]
    enabled: false
"""

    text = edit_jobs(parse_jobs(PATH, TEXT), {"other": job})

    assert text == TEXT.replace("\n# the end", f"{added}\n# the end")


def test_several_jobs_are_edited_at_once() -> None:
    document = parse_jobs(PATH, TEXT)
    new: dict[str, Writable] = {"command": ["/bin/true"]}

    text = edit_jobs(document, {"nightly": None, "a": new, "b": new})

    assert list(jobs_in(parse_jobs(PATH, text))) == ["hourly", "a", "b"]


def test_windows_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")

    assert edited(text, "nightly", owner="me", timeout=5) == (
        text.replace("timeout: 30min", "timeout: 5").replace(
            "    # Long", "    owner: me\r\n    # Long"
        )
    )


@pytest.mark.parametrize("rest", ["command: [/bin/a]", "script: |-\n      a", "script: 'a'  # b"])
def test_a_missing_line_break_at_the_end_stays_missing(rest: str) -> None:
    text = f"jobs:\n  a:\n    {rest}"

    assert edited(text, "a", enabled=False) == f"{text}\n    enabled: false"
    assert edited(text, "a", name="A") == f"jobs:\n  a:\n    name: A\n    {rest}"


def test_a_line_below_a_text_that_lacks_its_line_break_would_change_that_text() -> None:
    text = "jobs:\n  a:\n    script: |\n      a"

    with pytest.raises(RefusedError, match="without touching other lines"):
        edited(text, "a", enabled=False)
    assert edited(text, "a", name="A") == text.replace("    script", "    name: A\n    script")


def test_a_file_within_braces_stays_so() -> None:
    text = 'jobs: {a: {command: [/bin/a], timeout: "1h"}, b: {script: x}}  # short\n'

    assert edited(text, "a", timeout="2h") == text.replace('"1h"', '"2h"')
    assert edited(text, "b", owner="me") == text.replace("{script: x}", "{script: x, owner: me}")
    assert edit_jobs(parse_jobs(PATH, text), {"a": None}) == "jobs: {b: {script: x}}  # short\n"


BRACES = """\
jobs:
  a: {
    # the program
    command: [/bin/a],  # of the package
    # how long
    timeout: 1h,
    owner: me
  }
"""


def test_braces_over_several_lines_keep_their_comments() -> None:
    assert edited(BRACES, "a", timeout="2h") == BRACES.replace("1h", "2h")
    assert edited(BRACES, "a", timeout=None) == BRACES.replace("    timeout: 1h,\n", "")
    assert edited(BRACES, "a", owner=None) == BRACES.replace("    owner: me\n", "")
    assert edited(BRACES, "a", user="u") == BRACES.replace("owner: me", "owner: me, user: u")


def test_a_value_that_was_nothing_becomes_something() -> None:
    text = "jobs:\n  a:\n    owner:   # nobody yet\n    script: x\n"

    assert edited(text, "a", owner="me") == text.replace("owner:", "owner: me")


def test_a_text_that_is_no_text_in_yaml_gets_quotes() -> None:
    text = "jobs:\n  a:\n    script: x\n    owner: me\n"

    for name in ("yes", "0123", "null", "a: b", "#1", "2026-11-01", "1.5", "", "ü\x85\\"):
        again = jobs_in(parse_jobs(PATH, edited(text, "a", owner=name)))["a"]
        assert isinstance(again, dict)
        assert (again["owner"], type(again["owner"])) == (name, str)


def test_the_last_job_of_a_file_leaves_an_empty_mapping() -> None:
    text = "jobs:\n  a:  # why\n    script: x\n# end\n"

    assert edit_jobs(parse_jobs(PATH, text), {"a": None}) == "jobs: {}\n# end\n"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "# nothing yet", "jobs:\n", "jobs: {}\n"])
def test_a_file_without_jobs_takes_one(text: str) -> None:
    after = edit_jobs(parse_jobs(PATH, text), {"a": {"script": "x"}})

    assert jobs_in(parse_jobs(PATH, after)) == {"a": {"script": "x"}}
    assert after.startswith(text.removesuffix("jobs:\n").removesuffix("jobs: {}\n"))


@pytest.mark.parametrize(
    "text",
    [
        "jobs:\n  a: &x\n    script: x\n  b: *x\n",
        "jobs:\n  a:\n    <<: {script: x}\n",
        "jobs:\n  a:\n    script: !!str x\n",
        "jobs: {a: [}\n",
    ],
)
def test_a_file_that_is_wrong_is_not_edited(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"a\.yaml:"):
        parse_jobs(PATH, text)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfjobs: {}\n", b"jobs: {a: \xff}\n"])
def test_bytes_that_are_no_text_are_not_edited(data: bytes) -> None:
    with pytest.raises(DefinitionError):
        parse_jobs(PATH, data)


def test_what_cannot_be_edited_by_lines_is_refused() -> None:
    text = "jobs:\n  a:\n    ? script\n    : x\n"

    with pytest.raises(RefusedError, match=r"a\.yaml is written in a way"):
        edited(text, "a", script="y")


def test_a_new_file_reads_as_a_person_would_write_it() -> None:
    job: dict[str, Writable] = {
        "tags": {"environment": "production"},
        "schedule": {"cron": "0 2 * * *", "timezone": "UTC"},
        "name": "Daily Backup",
        "task": {"type": "vm_snapshot", "config": {"vm_id": "vm-123", "retention_days": 7}},
        "timeout": 1800,
        "script": "a\nb\n",
    }

    assert (
        new_file({"daily-backup": job})
        == """\
jobs:
  daily-backup:
    name: Daily Backup
    schedule: {cron: "0 2 * * *", timezone: UTC}
    task: {type: vm_snapshot, config: {vm_id: vm-123, retention_days: 7}}
    script: |
      a
      b
    timeout: 1800
    tags: {environment: production}
"""
    )


def test_a_job_is_copied_with_its_comments() -> None:
    other = TEXT.replace("0 2 * * *", "0 5 * * *").replace("Every night", "At five")
    here = "jobs:\n    hourly:\n        script: x\n    nightly:\n        script: y\n"

    text = copy_job(parse_jobs(PATH, here), parse_jobs(PATH, other), "nightly")

    start, end = other.index("  # At five"), other.index("\n  # Every hour")
    block = "".join(
        f"  {line}" if line.strip() else line for line in other[start:end].splitlines(keepends=True)
    )
    assert text == "jobs:\n    hourly:\n        script: x\n" + block


def test_a_job_is_copied_into_a_file_that_has_other_ones() -> None:
    here = "jobs: {b: {script: x}}\n"

    text = copy_job(parse_jobs(PATH, here), parse_jobs(PATH, TEXT), "hourly")

    jobs = jobs_in(parse_jobs(PATH, text))
    assert list(jobs) == ["b", "hourly"]
    assert jobs["hourly"] == jobs_in(parse_jobs(PATH, TEXT))["hourly"]
