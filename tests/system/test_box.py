# SPDX-License-Identifier: Apache-2.0
"""The box itself: what it promises to every other system test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.box import (
    BASE,
    TEST,
    Box,
    BoxCommandError,
    BoxError,
    BoxTimeoutError,
    Layer,
    make,
    sweep,
)
from tests.box.places import CHECKOUT, RUN, cache
from tests.box.wait import wait_until
from tests.box.workplace import workplace
from tests.box.zone import SOON, Change, install_zone

# A process that holds a box; "ready" and the box's name on its standard output.
HOLDER = """
import sys, time
from tests.box import TEST, Box
with Box.boot(TEST) as box:
    box.spawn(["sleep", "600"])
    print(box.name, box.leader, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def bare_box() -> Iterator[Box]:
    """A booted box without our package, shared by the tests that leave it as it is."""
    with Box.boot(TEST, hostname="zeus", machine_id="0" * 31 + "7") as box:
        yield box


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()
    sweep()


def first_line(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout
    name, leader = process.stdout.readline().split()
    return name, int(leader)


def mounts_of(name: str) -> list[str]:
    return [line for line in Path("/proc/mounts").read_text().splitlines() if name in line]


def test_boots_systemd_257_without_a_failed_unit(bare_box: Box) -> None:
    assert bare_box.run("systemctl --version | head -1").stdout.startswith("systemd 257 ")
    assert bare_box.run(["systemctl", "is-system-running"]).stdout == "running\n"
    assert bare_box.read("/proc/1/comm") == "systemd\n"


def test_host_name_and_machine_id_are_those_asked_for(bare_box: Box) -> None:
    assert bare_box.run(["hostname"]).stdout == "zeus\n"
    assert bare_box.run(["systemd-id128", "machine-id"]).stdout == "0" * 31 + "7\n"


def test_time_zone_is_the_one_asked_for() -> None:
    with Box.boot(TEST, timezone="Asia/Kathmandu") as box:
        assert box.run(["date", "-d", "@0", "+%F %R"]).stdout == "1970-01-01 05:30\n"


def test_accounts_for_the_cpu_time_of_a_service(bare_box: Box) -> None:
    bare_box.run("systemd-run --unit=burn -p RemainAfterExit=yes sh -c 'seq 1000000 >/dev/null'")
    bare_box.wait_until("systemctl show -p SubState burn | grep -q exited", 20)
    used = bare_box.run("systemctl show -p CPUUsageNSec --value burn").stdout
    assert int(used) > 1_000_000


def test_a_box_has_no_network(bare_box: Box) -> None:
    assert bare_box.run("ls /sys/class/net").stdout == "lo\n"


def test_a_command_gets_its_input_environment_and_user(bare_box: Box) -> None:
    done = bare_box.run(
        'cat; printf "%s:%s:%s" "$A" "$(id -un)" "$HOME"',
        input=b"\xff in\n",
        env={"A": "b c"},
        user="nobody",
    )
    assert done.stdout == "\udcff in\nb c:nobody:/nonexistent"


def test_a_command_sees_nothing_of_the_environment_of_the_host(
    bare_box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "1")
    assert "OF_THE_HOST" not in bare_box.run(["env"]).stdout


def test_an_exit_status_is_returned_or_raised_with_all_that_was_said(bare_box: Box) -> None:
    script = "logger -t teller to-the-journal; journalctl --sync; echo out; echo err >&2; exit 3"

    assert bare_box.run(script, check=False).returncode == 3
    with pytest.raises(BoxCommandError) as caught:
        bare_box.run(script)

    assert (caught.value.status, caught.value.stdout, caught.value.stderr) == (3, "out\n", "err\n")
    assert "to-the-journal" in str(caught.value)


def test_a_command_that_does_not_end_is_killed_with_its_children(bare_box: Box) -> None:
    with pytest.raises(BoxTimeoutError, match="said before"):
        bare_box.run("echo said before; sleep 4321; true", timeout=1)
    bare_box.wait_until("! pgrep -f 'sleep 432[1]'", 10, "its child has ended")


def test_a_command_in_the_background_is_left_alone(bare_box: Box) -> None:
    bare_box.run("sleep 1234 & true", timeout=5)
    assert bare_box.run(["pkill", "-f", "sleep 1234"], check=False).returncode == 0


def test_write_makes_folders_and_sets_the_mode(bare_box: Box) -> None:
    bare_box.write("/run/new/folder/file", "Größe\n", 0o640)
    assert bare_box.read("/run/new/folder/file") == "Größe\n"
    assert bare_box.run("stat -c %a:%U /run/new/folder/file").stdout == "640:root\n"


def test_a_wait_ends_with_its_condition_or_with_the_journal(bare_box: Box) -> None:
    bare_box.run("logger -t teller before-the-wait; journalctl --sync")
    bare_box.spawn("sleep 0.2; touch /run/sign")

    bare_box.wait_until("test -e /run/sign", 10, "the sign")
    assert bare_box.wait_until(lambda: "a value", 1) == "a value"
    with pytest.raises(BoxTimeoutError, match=r"(?s)still not: pigs fly.*before-the-wait"):
        bare_box.wait_until("false", 0.1, "pigs fly")


def test_a_reboot_and_a_power_cut_keep_what_was_written() -> None:
    with Box.boot(TEST) as box:
        box.write("/etc/kept", "1")
        box.spawn(["sleep", "600"])

        box.reboot()
        assert box.read("/etc/kept") == "1"
        box.power_cut()
        assert not box.is_on
        box.write("/etc/kept", "2")
        assert "Reached target poweroff.target" in box.journal()
        box.start()

        assert box.read("/etc/kept") == "2"
        assert box.run("journalctl --list-boots --quiet | wc -l").stdout == "3\n"


def test_a_power_cut_does_not_let_a_service_say_goodbye() -> None:
    with Box.boot(TEST) as box:
        box.run("systemd-run --unit=polite -p ExecStop='touch /etc/goodbye' sleep 600")
        box.power_cut()
        box.start()
        assert box.run("test -e /etc/goodbye", check=False).returncode == 1


def test_two_boxes_do_not_touch_each_other() -> None:
    with Box.boot(TEST, hostname="one") as one, Box.boot(TEST, hostname="two") as two:
        for box in (one, two):
            box.run("systemd-run --unit=same sleep 600")
        one.run("systemctl stop same.service")
        assert two.run("systemctl is-active same.service").stdout == "active\n"
        one.close()
        assert two.run("hostname; systemctl is-active same.service").stdout == "two\nactive\n"


def test_closing_leaves_nothing() -> None:
    with Box.boot(TEST) as box:
        name = box.name
        assert len(mounts_of(name)) == 2
    box.close()
    assert mounts_of(name) == []
    assert list(RUN.glob(f"{name}*")) == []
    assert not any(Path("/sys/fs/cgroup").rglob(name))


def test_a_box_that_cannot_boot_says_why_and_leaves_nothing() -> None:
    broken = Layer(name="broken", parent=BASE, script="rm /sbin/init /usr/lib/systemd/systemd")
    make(broken)
    try:
        with pytest.raises(BoxError, match="did not boot") as caught:
            Box.boot(broken)
        name = str(caught.value).split()[0]
        assert name.startswith("debvisor-box-")
        assert list(RUN.glob(f"{name}*")) == []
        assert mounts_of(name) == []
    finally:
        shutil.rmtree(broken.path)


def test_ctrl_c_removes_the_box(holder: subprocess.Popen[str]) -> None:
    name, leader = first_line(holder)
    holder.send_signal(signal.SIGINT)
    holder.wait(60)
    assert mounts_of(name) == []
    assert not Path(f"/proc/{leader}").exists()


def test_a_box_dies_with_its_owner_and_is_swept_by_the_next(
    holder: subprocess.Popen[str],
) -> None:
    name, leader = first_line(holder)
    sweep()
    assert Path(f"/proc/{leader}/root").exists()  # never one whose owner lives

    holder.kill()
    holder.wait()
    wait_until(
        lambda: not Path(f"/proc/{leader}").exists(), deadline_seconds=60, what="the box is dead"
    )
    sweep()

    assert mounts_of(name) == []
    assert list(RUN.glob(f"{name}*")) == []


def test_a_layer_is_made_once_and_named_by_its_content() -> None:
    layer = Layer(name="try", parent=BASE, script="date +%s%N > /made")
    try:
        made = make(layer).path.joinpath("made").read_text()
        assert make(layer).path.joinpath("made").read_text() == made
        assert replace(layer, script="true").key != layer.key
        assert replace(layer, packages=("hello",)).key != layer.key
        assert replace(layer, parent=TEST).key != layer.key
    finally:
        shutil.rmtree(layer.path)


def test_a_layer_that_fails_is_not_there_and_leaves_no_mount() -> None:
    layer = Layer(name="failing", parent=BASE, script="touch /half; exit 9")
    with pytest.raises(BoxError, match="exit status 9"):
        make(layer)
    assert not layer.path.exists()
    assert mounts_of(layer.key) == []


def test_a_maker_that_was_killed_leaves_nothing_to_the_next() -> None:
    layer = "Layer(name='endless', parent=BASE, script='echo half >/half; exec sleep 54321')"
    code = f"from tests.box import BASE, Layer, make; layer = {layer}; print(layer.key, flush=True)"
    maker = subprocess.Popen(
        [sys.executable, "-c", f"{code}; make(layer)"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert maker.stdout
    key = maker.stdout.readline().strip()
    half = cache() / "parts" / key / "upper/half"
    wait_until(half.exists, deadline_seconds=120, what="the layer is half made")
    maker.kill()
    maker.communicate()

    with workplace(key) as part:
        assert list(part.iterdir()) == []
        assert mounts_of(key) == []
        assert subprocess.run(["pgrep", "-f", "sleep 54321"], check=False).returncode == 1


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (Change.GAP, "11:59:59 +0100 STD", "13:00:00 +0200 DST"),
        (Change.OVERLAP, "12:59:59 +0200 DST", "12:00:00 +0100 STD"),
    ],
)
def test_a_zone_changes_its_clock_when_asked(
    bare_box: Box, change: Change, before: str, after: str
) -> None:
    at = datetime(2031, 5, 6, 11, 0, tzinfo=UTC)
    install_zone(bare_box, change=change, at=at)
    for instant, expected in ((at - timedelta(seconds=1), before), (at, after)):
        shown = bare_box.run(
            ["date", "-d", f"@{instant.timestamp():.0f}", "+%T %z %Z"], env={"TZ": SOON}
        )
        assert shown.stdout == f"{expected}\n"
