# SPDX-License-Identifier: Apache-2.0
"""What only the real adapters can be asked: permissions, a bus that is gone, damaged journals."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.bus import Bus
from debvisor_timers.systemd.journal import SystemdJournal
from debvisor_timers.systemd.manager import SystemdManager
from tests.box import inside_a_box
from tests.contract.rig import RealRig, unit_name

pytestmark = pytest.mark.skipif(
    not inside_a_box(), reason="needs systemd as PID 1: runs in the box"
)

NOBODY = 65534
FOLDERS = ("/var/log/journal", "/run/log/journal")


@pytest.fixture
def real() -> Iterator[RealRig]:
    """The systemd that is PID 1."""
    rig = RealRig()
    yield rig
    rig.clean()


@pytest.fixture
def manager() -> Iterator[SystemdManager]:
    """A manager of its own, whose connection is not left open."""
    new = SystemdManager(stamps=Path("/nonexistent"))
    yield new
    new.close()


@pytest.fixture
def without_dbus(tmp_path: Path) -> Iterator[None]:
    """Take the socket of the system bus away."""
    socket = Path("/run/dbus/system_bus_socket")
    hidden = socket.with_suffix(".hidden")
    socket.rename(hidden)
    yield
    hidden.rename(socket)


def as_nobody(code: str) -> str:
    """Return what `code` prints, run by a user who may do nothing."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.mark.usefixtures("without_dbus")
def test_root_reaches_systemd_without_dbus(real: RealRig, manager: SystemdManager) -> None:
    real.write(**{f"n{n}_service": real.service(unit_name(f"n{n}_service")) for n in range(30)})
    names = [f"contract-n{n}.service" for n in range(30)]
    assert manager.version() >= 257
    assert set(manager.start(names).values()) == {"done"}


def test_a_manager_is_answered_while_systemd_executes_itself_anew(
    manager: SystemdManager,
) -> None:
    again = "for number in 1 2 3 4 5 6 7 8; do systemctl daemon-reexec; done"
    with subprocess.Popen(again, shell=True) as process:
        while process.poll() is None:
            assert [unit.name for unit in manager.units("init.scope")] == ["init.scope"]


# Without the first, dbus.service runs into its start limit.
RESTART_DBUS = "systemctl reset-failed dbus.service; systemctl restart dbus.service"


def restart_dbus() -> None:
    subprocess.run(RESTART_DBUS, shell=True, check=True)


def systemd_is_on_dbus() -> bool:
    command = ["busctl", "status", "org.freedesktop.systemd1"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def _back_on_dbus(real: RealRig) -> Iterator[None]:
    """Wait at the end until others than root reach systemd again."""
    yield
    real.wait_for(systemd_is_on_dbus, "systemd is on the bus")


@pytest.mark.usefixtures("_back_on_dbus")
def test_a_manager_works_on_after_a_restart_of_dbus(real: RealRig, manager: SystemdManager) -> None:
    real.write(
        a_service=real.service("contract-a.service"), b_service=real.service("contract-b.service")
    )
    names = ["contract-a.service", "contract-b.service"]
    assert [unit.name for unit in manager.units("init.scope")] == ["init.scope"]
    restart_dbus()
    manager.start(names[:1], wait=False)
    assert [unit.name for unit in manager.units("init.scope")] == ["init.scope"]
    assert manager.start(names[1:]) == {"contract-b.service": "done"}
    restart_dbus()
    manager.reload()
    restart_dbus()
    assert manager.service("contract-b.service").result == "success"
    real.wait_for(lambda: real.starts("contract-a.service") == 1, "its only start")


@pytest.mark.usefixtures("_back_on_dbus")
def test_others_ask_again_after_a_restart_of_dbus(real: RealRig) -> None:
    code = (
        "from pathlib import Path\n"
        "from debvisor_timers.systemd.manager import SystemdManager\n"
        "manager = SystemdManager(stamps=Path('/'))\n"
        "manager.version()\n"
        "print(flush=True)\n"
        "input()\n"
        "print(manager.version() >= 257)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        user=NOBODY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        restart_dbus()
        real.wait_for(systemd_is_on_dbus, "systemd is on the bus")
        said, _ = other.communicate("\n", timeout=60)
    assert said == "True\n"


@pytest.mark.usefixtures("_back_on_dbus")
@pytest.mark.parametrize(("status", "result"), [(0, "done"), (3, "failed")])
def test_a_wait_survives_a_restart_of_dbus(
    real: RealRig, manager: SystemdManager, status: int, result: str
) -> None:
    script = f"{RESTART_DBUS}; sleep 2; exit {status}"
    real.write(a_service=f"[Service]\nType=oneshot\nExecStart=/bin/sh -c '{script}'\n")
    started = manager.start(["contract-a.service"], timeout=timedelta(seconds=60))
    assert started == {"contract-a.service": result}


def test_a_wait_notices_an_end_that_nobody_told(
    real: RealRig, manager: SystemdManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bus, "subscribe", lambda *_: None)
    real.write(a_service="[Service]\nType=oneshot\nExecStart=/bin/sh -c 'sleep 1; exit 3'\n")
    started = manager.start(["contract-a.service"], timeout=timedelta(seconds=60))
    assert started == {"contract-a.service": "failed"}


@pytest.mark.usefixtures("without_dbus")
def test_others_are_told_that_there_is_no_bus() -> None:
    said = as_nobody(
        "from pathlib import Path\n"
        "from debvisor_timers.errors import SystemdError\n"
        "from debvisor_timers.systemd.manager import SystemdManager\n"
        "try: SystemdManager(stamps=Path('/')).version()\n"
        "except SystemdError as error: print(error.message)\n"
    )
    assert said == "cannot reach systemd: No such file or directory"


def test_an_unprivileged_user_may_look_but_not_reload() -> None:
    said = as_nobody(
        "from pathlib import Path\n"
        "from debvisor_timers.errors import PermissionRefusedError\n"
        "from debvisor_timers.systemd.manager import SystemdManager\n"
        "manager = SystemdManager(stamps=Path('/'))\n"
        "print(len(manager.units('*.target')) > 0)\n"
        "try: manager.reload()\n"
        "except PermissionRefusedError as error: print(error.fix)\n"
    )
    assert said == "True\nrun it as root"


def test_an_unprivileged_user_is_told_which_group_reads_the_journal() -> None:
    said = as_nobody(
        "from debvisor_timers.errors import PermissionRefusedError\n"
        "from debvisor_timers.systemd.journal import SystemdJournal\n"
        "try: list(SystemdJournal().records([{'_PID': '1'}]))\n"
        "except PermissionRefusedError as error: print(error.fix)\n"
    )
    assert said == "run it as root, or join the group: adduser USER systemd-journal"


def test_an_error_of_systemd_keeps_its_name_and_its_words() -> None:
    with Bus() as bus, pytest.raises(SystemdError) as raised:
        bus.call("StartUnit", "ss", "no name", "replace")
    assert raised.value.dbus_name == "org.freedesktop.DBus.Error.InvalidArgs"
    assert "no name" in raised.value.message
    assert "b'" not in raised.value.message


def test_drop_ins_are_told(real: RealRig) -> None:
    folder = Path("/etc/systemd/system/contract-a.service.d")
    folder.mkdir()
    try:
        (folder / "more.conf").write_text("[Service]\nNice=5\n")
        real.write(a_service=real.service("contract-a.service"))
        assert real.manager.drop_ins("contract-a.service") == (folder / "more.conf",)
    finally:
        shutil.rmtree(folder)


def test_a_program_that_writes_bytes_is_read_with_replacements(real: RealRig) -> None:
    mark = uuid4().hex
    command = f"/usr/bin/printf 'CONTRACT {mark} \\377\\n'"
    subprocess.run(["systemd-cat", "-t", "contract", "sh", "-c", command], check=True)
    real.starts("contract-none.service")
    match = {"_TRANSPORT": "stdout", "SYSLOG_IDENTIFIER": "contract"}
    found = [record.get("MESSAGE") for record in SystemdJournal().records([match])]
    assert f"CONTRACT {mark} \N{REPLACEMENT CHARACTER}" in found


def copy_of_journal(path: Path, mark: str, count: int) -> Path:
    """Return a copy, in `path`, of this host's journal after `count` records N=0.. of `mark`."""
    journal = SystemdJournal()
    for number in range(count):
        journal.send({"MESSAGE": f"{'x' * 200} {number}", "N": str(number), "MARK": mark})
    subprocess.run(["journalctl", "--sync"], check=True)
    [source] = (f for folder in FOLDERS for f in Path(folder).glob("*/system.journal"))
    return Path(shutil.copy(source, path))


def test_an_empty_journal_has_no_records(tmp_path: Path) -> None:
    assert list(SystemdJournal(path=tmp_path).records([{"KIND": "test"}])) == []


def test_a_damaged_journal_gives_what_is_left(tmp_path: Path) -> None:
    mark = uuid4().hex
    file = copy_of_journal(tmp_path, mark, 2000)
    assert read_numbers(tmp_path, mark) == list(range(2000))
    content = bytearray(file.read_bytes())
    # journald appends: what follows the text of record 1500 is of records 1500 to about 1550.
    start = content.index(b"x" * 200 + b" 1500")
    content[start : start + 30_000] = random.Random(1).randbytes(30_000)
    file.write_bytes(content)
    left = read_numbers(tmp_path, mark)
    assert left[:1000] == list(range(1000))
    assert len(left) < 2000


def read_numbers(path: Path, mark: str) -> list[int]:
    """Return the numbers of all records of `mark` that can be read."""
    return [int(record.get("N")) for record in SystemdJournal(path=path).records([{"MARK": mark}])]


def test_a_journal_that_is_no_journal_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "system.journal").write_bytes(b"not a journal" * 1000)
    assert list(SystemdJournal(path=tmp_path).records([{"KIND": "test"}])) == []


def test_a_folder_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SystemdError, match="cannot open the journal"):
        list(SystemdJournal(path=tmp_path / "none").records([{"KIND": "test"}]))
