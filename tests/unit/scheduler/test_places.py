# SPDX-License-Identifier: Apache-2.0
"""Whose jobs a scheduler works on, and that the programs of a run look in the same places."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from debvisor_timers import Scheduler
from debvisor_timers.errors import RefusedError, UsageError
from debvisor_timers.layout import Layout
from debvisor_timers.runtime import notes, stamps
from debvisor_timers.scheduler.places import layout_for, wants_user


@pytest.fixture
def anna(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the user anna, with the number 1000."""
    entry = pwd.struct_passwd(("anna", "x", 1000, 1000, "", "/home/anna", "/bin/sh"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: entry)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("anna")
def test_a_user_s_programs_look_where_the_scheduler_writes() -> None:
    layout = layout_for(user=True)

    assert layout.user
    assert str(layout.jobs) == "/home/anna/.config/debvisor/timers/jobs.d"
    assert notes.of_user() == {
        "RUNTIME": str(layout.runtime),
        "STATE": str(layout.state),
        "UNITS": str(layout.units),
        "MANAGER": "/run/user/1000/systemd/private",
        "SHADOWS": str(layout.shadows),
    }
    assert stamps.folders(for_user=True) == tuple(
        map(str, (layout.units, layout.stamps, layout.state))
    )


def test_the_programs_of_the_system_look_where_the_package_says() -> None:
    layout = Layout()

    assert (str(layout.runtime), str(layout.state)) == (notes.RUNTIME, notes.STATE)
    assert (str(layout.units), str(layout.shadows)) == (notes.UNITS, notes.SHADOWS)
    assert stamps.folders(for_user=False) == tuple(
        map(str, (layout.units, layout.stamps, layout.state))
    )


@pytest.mark.usefixtures("anna")
def test_a_user_whose_folders_are_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")

    with pytest.raises(RefusedError, match="XDG_STATE_HOME is /srv/state") as refusal:
        Scheduler(user=True)

    assert refusal.value.fix.startswith("unset XDG_STATE_HOME")


def test_root_has_the_jobs_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(RefusedError, match="jobs of root are jobs of the system"):
        Scheduler(user=True)


def test_another_root_folder_has_the_same_folders_below_it(tmp_path: Path) -> None:
    layout = Scheduler(root=tmp_path).layout

    assert layout.jobs == tmp_path / "etc/debvisor/timers/jobs.d"
    assert layout.stamps == tmp_path / "var/lib/systemd/timers"
    assert str(layout.libexec) == "/usr/libexec/debvisor-timers"
    assert str(layout.seen(layout.scripts)) == "/var/lib/debvisor-timers/scripts"
    assert not layout.runs_here
    assert layout_for("/") == Layout()


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        Scheduler(root=tmp_path, user=True)
    with pytest.raises(UsageError, match="there is no folder"):
        Scheduler(root=tmp_path / "nothing")


def test_the_environment_says_that_a_user_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEBVISOR_TIMERS_USER", raising=False)
    assert not wants_user()
    monkeypatch.setenv("DEBVISOR_TIMERS_USER", "1")
    assert wants_user()
