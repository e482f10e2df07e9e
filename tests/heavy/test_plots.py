# SPDX-License-Identifier: Apache-2.0
"""Pictures of statistics by Debian's own matplotlib: 44 packages that no other test wants.

In a box: it needs no kernel of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import fromstring

import pytest

from tests.box import Box, Layer, make
from tests.system.host import Host

JOBS = """\
jobs:
  good: {name: Good $x_2$ & größer, command: [/bin/true]}
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A host with matplotlib, two runs, and a user who may look."""
    layer = make(Layer(name="plots", parent=installed, packages=("python3-matplotlib",)))
    with Box.boot(layer) as box:
        box.run(["useradd", "--groups", "debvisor-timers,systemd-journal", "alice"])
        found = Host(box)
        found.apply(JOBS)
        for _ in range(2):
            found.cli("run", "--wait", "good")
        yield found


@pytest.mark.parametrize("user", ["", "alice"])
def test_pictures(host: Host, user: str) -> None:
    done = host.cli("stats", "good", "--svg", "-", user=user, env={"LC_ALL": "C.UTF-8"})

    assert done.stderr == ""
    words = " ".join(fromstring(done.stdout).itertext())
    assert "good: Good $x_2$ & größer" in words
    assert "2 succeeded" in words
    again = host.cli("stats", "good", "--svg", "-", user=user, env={"LC_ALL": "C.UTF-8"})
    assert again.stdout == done.stdout

    host.cli("stats", "good", "--png", "/tmp/good.png", user=user)
    begins = host.box.run(["od", "-An", "-c", "-N4", "/tmp/good.png"]).stdout.split()
    assert begins == ["211", "P", "N", "G"]
    host.box.run(["rm", "/tmp/good.png"])
