# SPDX-License-Identifier: Apache-2.0
"""graph: a picture by the real dot, one that never comes, and a host without Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from xml.etree.ElementTree import Element, fromstring

import pytest

from tests.box import Box, Layer
from tests.system.host import Host

SVG = "{http://www.w3.org/2000/svg}"
ODD = '<b>"100%" & \\N \\" größer</b> &lt; [x]'
JOBS = f"""\
jobs:
  backup: {{name: '{ODD}', command: [/bin/false]}}
  verify: {{depends_on: [backup, {{job: gone, type: optional}}], command: [/bin/true]}}
  archive: {{triggers: [{{success_of: [verify]}}], conflicts_with: [scrub], command: [/bin/true]}}
  scrub: {{command: [/bin/true]}}
  alarm: {{triggers: [{{failure_of: [backup]}}], command: [/bin/true]}}
  alone: {{command: [/bin/true]}}
"""
FAILED = """\
DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c
DEBVISOR_RESULT=exit-code
DEBVISOR_EXIT_CODE=exited
DEBVISOR_EXIT_STATUS=3
DEBVISOR_END_USEC=1795399290500000
"""
STALLED = "#!/bin/sh\necho half\nsleep 987 &\nwait\n"


@pytest.fixture(scope="module")
def booted(installed: Layer) -> Iterator[Box]:
    """A host with jobs and a user who may look."""
    with Box.boot(installed, hostname="zeus", timezone="Europe/Amsterdam") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, "alice"])
        box.write("/var/lib/debvisor-timers/last/backup", FAILED, 0o644)
        Host(box).write(JOBS)
        yield box


@pytest.fixture
def host(booted: Box) -> Host:
    return Host(booted)


@pytest.fixture
def without_graphviz(host: Host) -> Iterator[Host]:
    """The host without dot, while a test lasts."""
    host.box.run("mv /usr/bin/dot /usr/bin/away")
    yield host
    host.box.run("mv /usr/bin/away /usr/bin/dot")


def texts(svg: Element) -> list[str]:
    return ["".join(text.itertext()).strip() for text in svg.iter(f"{SVG}text")]


def test_a_picture_by_graphviz(host: Host) -> None:
    home = "/home/alice/jobs.svg"

    done = host.cli("graph", "--svg", home, user="alice")

    assert (done.stdout, done.stderr) == (f"{home}: 6 jobs\n", "")
    svg = fromstring(host.box.read(home))
    assert svg.tag == f"{SVG}svg"
    nodes = [group for group in svg.iter(f"{SVG}g") if group.get("class") == "node"]
    edges = [group for group in svg.iter(f"{SVG}g") if group.get("class") == "edge"]
    assert (len(nodes), len(edges)) == (6, 5)
    assert ODD in texts(svg), texts(svg)
    assert {"✗ failed 2026-11-23 03:01:30", "not defined"} <= set(texts(svg))
    assert "1 job without dependencies: not drawn" in texts(svg)
    assert host.cli("graph", "--svg", "-", "backup", user="alice").stdout.startswith("<?xml")


def test_all_of_a_name_is_told_to_who_points_at_a_job(host: Host) -> None:
    svg = fromstring(host.cli("graph", "--svg", "-").stdout)

    told = {anchor.get("{http://www.w3.org/1999/xlink}title") for anchor in svg.iter(f"{SVG}a")}

    when = "Mon 2026-11-23 03:01:30 CET"
    assert f"backup ({ODD}): step; failed (exit status 3), {when}" in told


def test_dot_reads_what_we_print(host: Host) -> None:
    text = host.cli("graph", "--dot").stdout
    host.box.write("/root/jobs.dot", text)

    plain = host.box.run(["dot", "-Tplain", "/root/jobs.dot"])

    assert plain.stderr == ""
    lines = [line.split() for line in plain.stdout.splitlines()]
    ends = {(line[1], line[2]) for line in lines if line[0] == "edge"}
    assert ("backup", "verify") in ends
    assert ("verify", "archive") in ends


def test_a_tree_needs_no_graphviz(without_graphviz: Host) -> None:
    shown = without_graphviz.cli("graph", "verify", user="alice").stdout

    assert "└─ optional gone" in shown
    assert "✗ failed" in shown


def test_a_dot_that_stalls_is_killed_and_changes_nothing(host: Host) -> None:
    host.box.write("/opt/bin/dot", STALLED, 0o755)
    host.box.write("/root/jobs.svg", "as before")
    begin = monotonic()

    done = host.cli("graph", "--svg", "/root/jobs.svg", env={"PATH": "/opt/bin:/bin"}, expect=4)

    assert 5 <= monotonic() - begin < 10
    assert done.stdout == ""
    assert done.stderr == (
        "error: dot did not finish within 5 s\n"
        " fix: use --dot and take your time, or name one JOB\n"
    )
    assert host.box.read("/root/jobs.svg") == "as before"
    processes = host.box.run(["ps", "-e", "-o", "args="]).stdout
    assert "/opt/bin/dot" not in processes
    assert "sleep 987" not in processes
    assert host.box.run("ls -A /root | grep svg").stdout == "jobs.svg\n"


def test_without_graphviz_one_is_told_what_to_install(without_graphviz: Host) -> None:
    done = without_graphviz.cli("graph", "--svg", "/root/new.svg", expect=4)

    assert " fix: apt install graphviz" in done.stderr
    assert without_graphviz.box.run("ls /root/new.svg", check=False).returncode == 2


def test_a_thousand_jobs_are_drawn_or_refused_in_time(host: Host) -> None:
    """Each fifth job begins a workflow of its own, and a few need one of another."""
    lines = ["jobs:"]
    for number in range(1000):
        needed = [number - 1] if number % 5 else []
        needed += [number * 7 // 11] if number % 20 == 19 else []
        depends = ", ".join(f"job-{one:03}" for one in needed)
        lines.append(f"  job-{number:03}: {{depends_on: [{depends}], command: [/bin/true]}}")
    host.write("\n".join(lines))
    begin = monotonic()

    done = host.cli("graph", "--svg", "/root/many.svg")

    assert monotonic() - begin < 8
    assert done.stdout == "/root/many.svg: 1000 jobs\n"
    assert len(host.cli("graph").stdout.splitlines()) > 1000
    host.write(JOBS)
