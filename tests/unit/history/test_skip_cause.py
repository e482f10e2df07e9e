# SPDX-License-Identifier: Apache-2.0
"""Reasons of skips hold names and times; metrics need one of a few words."""

from __future__ import annotations

import pytest

from debvisor_timers.history.skip_cause import SkipCause, skip_cause


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("still running", "overlap"),
        ("still waiting", "overlap"),
        ("excluded: holidays (2026-12-25)", "excluded"),
        ("excluded: 2026-12-25", "excluded"),
        ("maintenance", "maintenance"),
        ("maintenance: kernel updates", "maintenance"),
        ("maintenance: two\nlines", "maintenance"),
        ("paused", "paused"),
        ("paused: until the disk is here", "paused"),
        ("paused by anna", "paused"),
        ("paused by anna: until the disk is here", "paused"),
        ("on request, 1 of 3", "on_request"),
        ("conflict: backup is running", "conflict"),
        ("no turn after 7200 s for pool backup (5 of 5 taken)", "no_slot"),
        ("this host is zeus, not hera or ares", "elsewhere"),
        ("virtual machine db1 does not run on this host", "elsewhere"),
        ("virtual machine db1 is still being migrated after 1800 s", "elsewhere"),
        ("snapshot never ran, here or where vm-1 ran before", "dependency"),
        ("snapshot failed (run r-1 on node1)", "dependency"),
        ("snapshot began on node1 (run r-1), how it ended is not known here", "dependency"),
        ("snapshot ended in the future: the clock of node1 is ahead", "dependency"),
        ("its condition was not met", "condition"),
        ("ConditionACPower=true is not met", "condition"),
        ("an apply held its timer", "held"),
        ("a dependency failed", "dependency"),
        ("backup never ran", "dependency"),
        ("backup did not run", "dependency"),
        ("backup was skipped (excluded: 2026-12-25)", "dependency"),
        ("backup has not succeeded since it was due 2026-12-25 02:00:00", "dependency"),
        ("backup is still running after 1h", "dependency"),
        ("backup failed (run 20261123T020000Z-4f2a9c)", "dependency"),
        ("backup timed out (run 20261123T020000Z-4f2a9c)", "dependency"),
        ("backup was stopped (run unknown)", "dependency"),
        ("the last success of backup is too old (2d 3h)", "dependency"),
        ("", "other"),
        ("a version to come says something new", "other"),
    ],
)
def test_each_reason_has_its_cause(reason: str, cause: str) -> None:
    assert str(skip_cause(reason)) == cause


@pytest.mark.parametrize("job", ["paused", "maintenance", "excluded", "still"])
def test_the_name_of_a_job_is_no_cause(job: str) -> None:
    assert skip_cause(f"{job} never ran") is SkipCause.DEPENDENCY


def test_the_words_are_few() -> None:
    assert len(SkipCause) == 12
