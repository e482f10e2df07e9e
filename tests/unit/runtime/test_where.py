# SPDX-License-Identifier: Apache-2.0
"""where: by the host's name, and by what libvirt says; a fake virsh stands in for libvirt."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.where import MIGRATION_WAIT
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
        ("shut off (destroyed)", False),
        ("crashed (panicked)", False),
    ],
)
def test_a_machine_runs_here_unless_it_is_off(virsh: Path, state: str, *, here: bool) -> None:
    says(virsh, state)
    reason = where.elsewhere([], ["vm-1"])
    assert reason == ("" if here else "virtual machine vm-1 does not run on this host")


SAYS_BOTH = """\
#!/bin/sh
[ "$2" = domstate ] && {{ echo "{state}"; exit 0; }}
[ -e {marker} ] || {{ echo "{job}"; exit {status}; }}
echo "Job type: None"
"""


@pytest.mark.parametrize(
    ("state", "job", "status"),
    [
        ("paused (migrating)", "Job type: None", 0),
        ("paused (starting up)", "Job type: None", 0),
        ("running (booted)", "Job type: Unbounded\nOperation: Outgoing migration", 0),
        ("running (booted)", "error: failed to get domain 'vm-1'", 1),  # gone in between
    ],
)
def test_the_end_of_a_migration_is_waited_for_visibly_and_not_for_ever(
    virsh: Path, monkeypatch: pytest.MonkeyPatch, state: str, job: str, status: int
) -> None:
    marker = virsh.parent / "arrived"
    script = SAYS_BOTH.format(state=state, job=job, status=status, marker=marker)
    virsh.write_text(script, encoding="utf-8")
    virsh.chmod(0o755)
    monkeypatch.setattr(where, "PAUSE", 0.01)
    monkeypatch.setattr(where, "PATIENCE", 0.05)
    still = "virtual machine vm-1 is still being migrated after 0.05 s"
    assert where.elsewhere([], ["vm-1"]) == still

    monkeypatch.setattr(where, "PATIENCE", 30)
    told: list[str] = []

    def wait(reason: str) -> None:
        told.append(reason)
        marker.touch()
        virsh.write_text(script.replace(state, "running (migrated)"), encoding="utf-8")

    assert where.elsewhere([], ["vm-1"], wait) == ""
    assert told == ["for vm-1 (it is being migrated)"]


def test_a_driver_that_knows_no_migration_is_asked_in_vain(virsh: Path) -> None:
    unsupported = "error: this function is not supported by the connection driver"
    script = SAYS_BOTH.format(state="running", job=unsupported, status=1, marker="/nowhere")
    virsh.write_text(script, encoding="utf-8")
    virsh.chmod(0o755)
    assert where.elsewhere([], ["vm-1"]) == ""


def test_the_unit_allows_for_the_wait() -> None:
    assert timedelta(seconds=where.PATIENCE) == MIGRATION_WAIT


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
