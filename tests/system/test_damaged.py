# SPDX-License-Identifier: Apache-2.0
"""Journal files that are rotated, cut, overwritten or gone: what is left is told, no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system.host import Host

JOBS = """\
jobs:
  turns:
    script: 'echo said; echo complained >&2; test ! -e /run/fail'
"""
RUNS = 7
DAMAGE = {
    "cut": "truncate -s $(($(stat -c %s $FILE) / 2)) $FILE",
    "overwritten in the middle": "dd if=/dev/urandom of=$FILE bs=4096 count=16 conv=notrunc"
    " seek=$(($(stat -c %s $FILE) / 8192)) status=none",
    "overwritten at its end": "dd if=/dev/urandom of=$FILE bs=4096 count=4 conv=notrunc"
    " seek=$(($(stat -c %s $FILE) / 4096 - 8)) status=none",
    "without its head": "dd if=/dev/zero of=$FILE bs=4096 count=1 conv=notrunc status=none",
    "empty": ": > $FILE",
    "noise": "head -c 100000 /dev/urandom > $FILE",
    "gone": "rm $FILE",
}


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box with runs over two boots, good and bad by turns, each in a journal file of its own."""
    with Box.boot(installed) as box:
        box.run("mkdir -p /var/log/journal && journalctl --flush && journalctl --rotate")
        host = Host(box)
        host.apply(JOBS)
        for number in range(RUNS):
            if number == RUNS // 2:
                box.reboot()
            box.run("rm -f /run/fail" if number % 2 == 0 else "touch /run/fail")
            host.cli("run", "--wait", "turns", expect=5 * (number % 2))
            box.run("journalctl --sync && journalctl --rotate")
        box.run("cp -a /var/log/journal /root/journal && systemctl stop 'debvisor-*.timer'")
        yield host


def history(host: Host) -> dict[str, Any]:
    """Return what `history` tells from the journal alone, by the id of the run."""
    host.box.run("rm -f /var/lib/debvisor-timers/history.sqlite*")
    return {run["run"]: run for run in host.json("history", "turns", "--limit=100")}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_not_damaged_is_told_and_nothing_becomes_better(host: Host, what: str) -> None:
    box = host.box
    box.run("rm -rf /var/log/journal/* && cp -a /root/journal/. /var/log/journal/")
    box.run("systemctl restart systemd-journald")
    whole = history(host)
    assert len(whole) == RUNS
    for number, victim in enumerate(list(whole)[1:3]):
        file = box.run(
            "for file in /var/log/journal/*/*@*.journal; do"
            f" journalctl --file=$file -q DEBVISOR_RUN_ID={victim} | grep -q . &&"
            " echo $file && break;"
            " done"
        ).stdout.strip()
        box.run(f"FILE={file}; {DAMAGE[what]}")
        found = history(host)
        assert set(found) <= set(whole)
        left = [name for name in whole if name not in list(whole)[1 : 2 + number]]
        for name in left:
            assert found[name] == whole[name], f"{name} is in no damaged file"
        for name in set(found) - set(left):
            outcome = found[name]["outcome"]
            assert outcome in {whole[name]["outcome"], "lost", "running", "waiting"}
    newest = next(iter(whole))
    assert host.json("show", "turns", "--run", newest)["stderr"] == "complained\n"
    assert "said" in host.cli("logs", "turns", "--last").stdout
    host.cli("logs", "turns")
    host.cli("list")
    host.cli("status", expect=host.box.run("debvisor-timers status", check=False).returncode)
