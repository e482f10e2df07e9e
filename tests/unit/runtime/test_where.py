# SPDX-License-Identifier: Apache-2.0
"""where: by the host's name, and by what libvirt says; a fake virsh stands in for libvirt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from debvisor_timers.runtime import where

HERE = os.uname().nodename


@pytest.fixture
def virsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script that is run as virsh."""
    monkeypatch.setattr(where, "VIRSH", str(tmp_path / "virsh"))
    return tmp_path / "virsh"


def says(virsh: Path, text: str, status: int = 0) -> None:
    virsh.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\n\nEND\nexit {status}\n", encoding="utf-8")
    virsh.chmod(0o755)


@pytest.mark.parametrize("lines", [[], [HERE], [f"other {HERE}"], [f"{HERE}.example.org"]])
def test_a_run_belongs_to_a_host_that_is_named_whole_or_short(lines: list[str]) -> None:
    assert where.elsewhere(lines, []) == ""


def test_a_run_does_not_belong_to_a_host_that_is_not_named() -> None:
    assert where.elsewhere(["no-a no-b"], []) == f"this host is {HERE}, not no-a or no-b"


@pytest.mark.parametrize(
    ("state", "here"),
    [
        ("running (booted)", True),
        ("running (migrated)", True),
        ("paused (user)", True),
        ("paused (migrating)", False),
        ("paused (starting up)", False),
        ("shut off (destroyed)", False),
        ("crashed (panicked)", False),
    ],
)
def test_a_machine_runs_here_unless_it_is_off_or_only_arriving(
    virsh: Path, state: str, *, here: bool
) -> None:
    says(virsh, state)
    reason = where.elsewhere([], ["vm-1"])
    assert reason == ("" if here else "virtual machine vm-1 does not run on this host")


def test_a_machine_that_is_not_known_here_does_not_run_here(virsh: Path) -> None:
    says(virsh, "error: failed to get domain 'vm-1'", 1)
    assert where.elsewhere([], ["vm-1"]) == "virtual machine vm-1 does not run on this host"


def test_no_answer_of_libvirt_fails_the_run_and_does_not_skip_it(virsh: Path) -> None:
    says(virsh, "error: failed to connect to the hypervisor", 1)
    with pytest.raises(ChildProcessError, match=r"no answer about vm-1: error: failed to connect"):
        where.elsewhere([], ["vm-1"])
    virsh.unlink()
    with pytest.raises(FileNotFoundError, match="fix: apt install libvirt-clients"):
        where.elsewhere([], ["vm-1"])


def test_the_path_of_the_job_is_not_asked_what_root_runs(
    virsh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PATH may name a folder in which the job's user can write."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "timeout").write_text(f"#!/bin/sh\ntouch {tmp_path}/root\n")
    (tmp_path / "bin" / "timeout").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    says(virsh, "running (booted)")
    assert where.elsewhere([], ["vm-1"]) == ""
    assert not (tmp_path / "root").exists()


def test_virsh_gets_nothing_of_the_environment_of_the_job(
    virsh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "test:///default")
    virsh.write_text('#!/bin/sh\n[ -z "$LIBVIRT_DEFAULT_URI" ] && echo "running (booted)"\n')
    virsh.chmod(0o755)
    assert where.elsewhere([], ["vm-1"]) == ""
