# SPDX-License-Identifier: Apache-2.0
"""What systemd really says of a job is matched, and told in our words at its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from debvisor_timers.operations.check import check
from debvisor_timers.systemd.ports import LinkEntry
from tests.box import inside_a_box
from tests.contract.rig import RealRig, Rig
from tests.unit.operations.world import World

HEAD = "jobs:\n  one:\n    command: [/bin/true]\n"

only_real = pytest.mark.skipif(
    not inside_a_box(), reason="the twin does not read values: runs in the box"
)


@pytest.fixture
def world(rig: Rig, tmp_path: Path) -> World:
    """Return a host whose job files a systemd reads."""
    return _world(rig, tmp_path)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[World]:
    """Return a host whose job files the real systemd reads, with a broken unit."""
    rig = RealRig()
    rig.write(broken_service="[Service]\nType=oneshot\n")
    yield _world(rig, tmp_path)
    rig.clean()


def _world(rig: Rig, folder: Path) -> World:
    new = World(folder)
    for name in ("begin", "run", "end"):
        (folder / name).touch(mode=0o755)
    new.host = replace(new.host, analyzer=rig.analyzer, layout=replace(new.layout, libexec=folder))
    return new


def told(world: World, keys: str) -> list[str]:
    world.write(HEAD + keys)
    return [
        f"{problem.span.line}:{problem.span.column} {problem.severity} {problem.key}: "
        f"{problem.message}"
        for problem in check(world.host).problems
    ]


def test_a_job_without_a_mistake(world: World) -> None:
    assert told(world, "    schedule: '0 2 * * *'\n    sandbox: strict\n    priority: low\n") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "    depends_on: [{unit: contract-nope.service}]\n",
            (
                "4:25 error depends_on.unit: the unit 'contract-nope.service' does not exist on "
                'this host (systemd: "Unit contract-nope.service not found")'
            ),
        ),
        (
            "    schedule: {on_calendar: [daily, Mon foo]}\n",
            (
                "4:37 error schedule.on_calendar: 'Mon foo' is no time that systemd can read "
                '(systemd: "Invalid argument")'
            ),
        ),
        (
            "    schedule: {on_calendar: Mon foo}\n",
            (
                "4:29 error schedule.on_calendar: 'Mon foo' is no time that systemd can read "
                '(systemd: "Invalid argument")'
            ),
        ),
        (
            "    unit: {Service: {Fooo: x}}\n",
            (
                "4:22 error unit.Service: systemd has no directive Fooo= in section Service "
                "(systemd: \"Unknown key 'Fooo' in section [Service]\")"
            ),
        ),
    ],
    ids=["missing unit", "calendar", "only calendar", "unknown key"],
)
def test_a_mistake_is_told_once_at_its_place(world: World, keys: str, expected: str) -> None:
    assert told(world, keys) == [expected]


def test_a_masked_unit(world: World, rig: Rig) -> None:
    rig.units.write({"contract-m.service": LinkEntry("/dev/null")})

    assert told(world, "    depends_on: [{unit: contract-m.service}]\n") == [
        (
            "4:25 error depends_on.unit: the unit 'contract-m.service' is masked on this host "
            '(systemd: "Unit contract-m.service is masked")'
        )
    ]


@only_real
def test_a_broken_unit(real: World) -> None:
    assert told(real, "    depends_on: [{unit: contract-broken.service}]\n") == [
        (
            "4:25 error depends_on.unit: the unit 'contract-broken.service' cannot be started on "
            'this host (systemd: "Unit contract-broken.service has a bad unit file setting")'
        )
    ]


@only_real
def test_a_helper_of_ours_that_is_missing(real: World, tmp_path: Path) -> None:
    (tmp_path / "end").unlink()

    assert told(real, "") == [
        (
            f"2:3 error : {tmp_path}/end, which each job needs, cannot be started "
            f'(systemd: "Command {tmp_path}/end is not executable: No such file or directory")'
        )
    ]


@only_real
def test_nobody_is_a_warning(real: World) -> None:
    assert told(real, "    user: nobody\n") == [
        (
            "4:11 warning user: 'nobody' is the user of other programs too, which can then reach "
            'what is this job\'s (systemd: "Special user nobody configured, this is not safe!")'
        )
    ]


@only_real
@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("Service", "Nice", "abc", "systemd does not take 'abc' for Nice="),
        ("Service", "MemorySwapMax", "zz", "systemd does not take 'zz' for MemorySwapMax="),
        ("Service", "ProtectSystem", "maybe", "systemd does not take 'maybe' for ProtectSystem="),
        ("Service", "ProtectHome", "x", "systemd does not take 'x' for ProtectHome="),
        ("Service", "LimitNOFILE", "abc", "systemd does not take 'abc' for LimitNOFILE="),
        ("Service", "SystemCallFilter", '"@nope"', None),
        ("Service", "SupplementaryGroups", "a:b", None),
        ("Service", "DeviceAllow", "foo", None),
        ("Service", "IPAddressAllow", "zz", None),
        ("Service", "ReadWritePaths", "b", "'b' is not an absolute path"),
        ("Service", "BindPaths", "x", "'x' is not an absolute path"),
        ("Service", "ReadWritePaths", "/%Z", "'/%Z' holds a specifier that systemd does not know"),
        ("Unit", "AssertPathExists", "x", "'x' is not an absolute path"),
        ("Unit", "Wants", "a", "'a' is not a unit name"),
        ("Unit", "OnFailure", "x.service a", "'a' is not a unit name"),
        ("Unit", "FailureAction", "zz", "systemd does not take 'zz' for FailureAction="),
        ("Timer", "WakeSystem", "foo", "systemd does not take 'foo' for WakeSystem="),
    ],
)
def test_a_value_that_systemd_does_not_take_is_told_at_its_place(
    real: World, section: str, name: str, value: str, message: str | None
) -> None:
    keys = f"    schedule: '@daily'\n    unit:\n      {section}:\n        {name}: {value}\n"

    (problem,) = told(real, keys)

    message = message or f"systemd does not take '{value.strip(chr(34))}' for {name}="
    place = f"7:{len(name) + 11} error unit.{section}.{name}"
    assert problem.startswith(f"{place}: {message} (systemd: ")
    assert "ignoring" not in problem


@only_real
def test_a_directive_that_will_go_is_a_warning(real: World) -> None:
    (problem,) = told(real, "    unit: {Service: {CPUShares: 10}}\n")

    assert problem.startswith(
        "4:22 warning unit.Service: a later systemd will not know CPUShares= (systemd: "
    )
