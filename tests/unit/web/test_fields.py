# SPDX-License-Identifier: Apache-2.0
"""The form of a job: what it shows of a text, and what of the text it leaves alone."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import DebvisorTimersError, DefinitionError, UsageError
from debvisor_timers.web.fields import fields_of, only_job, renamed, with_fields

TEXT = """\
# All backups.
jobs:
  backup:
    name: Nightly   # for lists
    schedule: "0 2 * * *"
    command: [/usr/bin/restic, backup, "/srv/my data"]
    retries: {max: 2}
    tags: {environment: 'production'}
  other:
    command: [/bin/true]
"""


def changed(**fields: str) -> list[str]:
    """Return the lines that are new, and those that are gone with a minus."""
    before, after = TEXT.splitlines(), with_fields(TEXT, "backup", fields).splitlines()
    gone = [f"-{line.strip()}" for line in before if line not in after]
    return gone + [line.strip() for line in after if line not in before]


def test_the_form_shows_the_keys_of_a_job() -> None:
    fields = fields_of(TEXT, "backup")

    assert fields is not None
    assert fields["name"] == "Nightly"
    assert (fields["when"], fields["cron"]) == ("cron", "0 2 * * *")
    assert (fields["program"], fields["command"]) == (
        "command",
        "/usr/bin/restic backup '/srv/my data'",
    )
    assert (fields["retries"], fields["timeout"], fields["enabled"]) == ("2", "", "")


def test_what_is_the_same_changes_no_byte() -> None:
    fields = fields_of(TEXT, "backup")

    assert fields is not None
    assert with_fields(TEXT, "backup", fields) == TEXT


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"name": "Nightly backup"},
            ["-name: Nightly   # for lists", "name: Nightly backup   # for lists"],
        ),
        ({"cron": "30 1 * * *"}, ['-schedule: "0 2 * * *"', 'schedule: "30 1 * * *"']),
        (
            {"timezone": "Europe/Amsterdam"},
            ['-schedule: "0 2 * * *"', 'schedule: {cron: "0 2 * * *", timezone: Europe/Amsterdam}'],
        ),
        ({"when": "hand"}, ['-schedule: "0 2 * * *"']),
        (
            {"when": "on_calendar", "on_calendar": "Mon 03:00\r\nTue 04:00"},
            ['-schedule: "0 2 * * *"', 'schedule: {on_calendar: ["Mon 03:00", "Tue 04:00"]}'],
        ),
        ({"timeout": "30min"}, ["timeout: 30min"]),
        ({"timeout": "90"}, ["timeout: 90"]),
        ({"retries": ""}, ["-retries: {max: 2}"]),
        ({"enabled": "false"}, ["enabled: false"]),
        (
            {"program": "script", "script": "set -e\r\nls /srv"},
            [
                '-command: [/usr/bin/restic, backup, "/srv/my data"]',
                "script: |",
                "set -e",
                "ls /srv",
            ],
        ),
        (
            {"program": "task", "task": "vm_backup", "task_config": "{vm_id: vm-1}"},
            [
                '-command: [/usr/bin/restic, backup, "/srv/my data"]',
                "task: {type: vm_backup, config: {vm_id: vm-1}}",
            ],
        ),
        (
            {"depends_on": "other\n{job: x, type: after}"},
            ["depends_on: [other, {job: x, type: after}]"],
        ),
        ({"environment": "A=1\nB=two words"}, ['environment: {A: "1", B: two words}']),
        ({"script": "of no use"}, []),
    ],
)
def test_a_field_changes_its_key_alone(fields: dict[str, str], lines: list[str]) -> None:
    assert sorted(changed(**fields)) == sorted(lines)


@pytest.mark.parametrize(
    "fields",
    [{"command": "/bin/sh 'open"}, {"environment": "A"}, {"depends_on": "{job: "}],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        with_fields(TEXT, "backup", fields)


def test_a_text_that_is_wrong_has_no_fields() -> None:
    assert fields_of("jobs: [", "backup") is None
    assert fields_of(TEXT, "nothing") is None
    for text in ("jobs: [", "jobs: {}\n"):
        with pytest.raises(DefinitionError):
            with_fields(text, "backup", {"name": "x"})


def test_a_new_job_can_have_another_id() -> None:
    assert only_job(TEXT) == "backup"
    assert renamed(TEXT, "backup", "restic") == TEXT.replace("backup:", "restic:")
    with pytest.raises(DebvisorTimersError):
        renamed(TEXT, "backup", "Not an id")
