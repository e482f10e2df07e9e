# SPDX-License-Identifier: Apache-2.0
"""A system that does not run: what is there is told, nothing is started."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.systemd.offline import OfflineJournal, OfflineManager
from debvisor_timers.systemd.ports import ActiveState, Journal, Manager


def manager(root: Path) -> OfflineManager:
    return OfflineManager(root, stamps=root / "var/lib/systemd/timers")


def test_its_systemd_is_the_one_that_is_installed_there(tmp_path: Path) -> None:
    with pytest.raises(SystemdError, match="there is no systemd below"):
        manager(tmp_path).version()

    library = tmp_path / "usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-257.so"
    library.parent.mkdir(parents=True)
    library.touch()

    assert manager(tmp_path).version() == 257


def test_nothing_is_loaded_and_nothing_can_be_started(tmp_path: Path) -> None:
    port: Manager = manager(tmp_path)

    assert port.units("*") == []
    assert port.stop(["a.timer"]) == port.start([]) == {}
    assert port.service("a.service").active_state is ActiveState.INACTIVE
    assert port.timers(["a.timer"])["a.timer"].next_elapse is None
    assert (port.active_since("a.timer"), port.next_elapses(["a.timer"])) == (None, {})
    assert (port.stale(["a.service"]), port.drop_ins("a.service")) == ([], ())
    port.reload()
    port.reset_failed("a.service")
    with pytest.raises(RefusedError, match=r"cannot start a\.service: it does not run"):
        port.start(["a.service"], timeout=timedelta(seconds=1))
    with pytest.raises(RefusedError, match="has not booted"):
        port.booted()


def test_its_files_are_looked_at_below_its_root(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()

    assert manager(tmp_path).exists("/srv")
    assert not manager(tmp_path).exists("/srv/import")
    manager(tmp_path).touch_stamp("a.timer")
    assert (tmp_path / "var/lib/systemd/timers/stamp-a.timer").exists()
    manager(tmp_path).remove_stamp("a.timer")
    assert not (tmp_path / "var/lib/systemd/timers/stamp-a.timer").exists()


def test_a_journal_that_was_never_written_has_nothing(tmp_path: Path) -> None:
    port: Journal = OfflineJournal(tmp_path)

    assert list(port.records([{"_UID": "0"}])) == []
    assert port.records_from("cursor", [{"_UID": "0"}]) is None
    assert (port.boots(), port.boot_id()) == (set(), "0" * 32)
    port.sync()
    with pytest.raises(SystemdError, match="no journald runs below"):
        port.send({"MESSAGE": "a"})
