# SPDX-License-Identifier: Apache-2.0
"""The examples load without a word, and say what the units that they replace said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.catch_up import ONCE
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Job, Sandbox
from debvisor_timers.jobs.sandbox import PRESETS
from tests.unit.jobs.cases import ROOT

OF_ANSIBLE = ROOT / "examples" / "ansible"
EXAMPLES = sorted(
    file for file in (ROOT / "examples").rglob("*.yaml") if not file.is_relative_to(OF_ANSIBLE)
)


def of_debvisor(name: str) -> Job:
    return load_files([ROOT / "examples" / "debvisor" / f"{name}.yaml"]).require().jobs[name]


def catches_up(job: Job) -> bool:
    return job.schedule is not None and job.schedule.catch_up == ONCE


def cron(job: Job) -> str | None:
    return job.schedule.cron if job.schedule else None


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_has_no_problem(file: Path) -> None:
    assert load_files([file]).problems == ()


def test_all_job_files_together_have_no_problem() -> None:
    definitions = load_files(EXAMPLES)

    assert definitions.problems == ()
    each = [load_files([file]) for file in EXAMPLES]
    assert len(definitions.jobs) == sum(len(one.jobs) for one in each) > 35


def test_the_configuration_shows_how_starts_are_spread() -> None:
    definitions = load_files(EXAMPLES)
    backup = definitions.jobs["debvisor-backup"]

    assert definitions.config.starts_per_minute == 20
    assert backup.schedule is not None
    assert backup.schedule.jitter == timedelta(minutes=2)


def test_ceph_health() -> None:
    job = of_debvisor("ceph-health")
    directives = {**PRESETS[job.sandbox]} | {
        name: " ".join(values) for name, values in job.unit.Service.items()
    }

    assert (cron(job), catches_up(job), job.user) == ("0 * * * *", True, "root")
    assert [trigger.boot for trigger in job.triggers] == [timedelta(minutes=5)]
    assert [needed.unit for needed in job.depends_on] == ["network-online.target"]
    assert job.sandbox is Sandbox.STRICT
    assert {
        "ProtectSystem": "strict",
        "ReadWritePaths": "/var/lib/ceph /var/log/ceph /var/run/ceph",
        "ReadOnlyPaths": "/etc/ceph",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
        "PrivateDevices": "yes",
        "RestrictRealtime": "yes",
        "RestrictNamespaces": "yes",
        "LockPersonality": "yes",
    }.items() <= directives.items()
    assert job.resources.memory_max == "128M"
    assert job.resources.cpu_quota == "200%"
    assert job.resources.tasks_max == 64


def test_zfs_scrub_weekly() -> None:
    job = of_debvisor("zfs-scrub-weekly")

    assert (cron(job), catches_up(job)) == ("0 2 * * sun", True)
    assert [trigger.boot for trigger in job.triggers] == [timedelta(minutes=10)]
    assert job.unit.Unit == {"After": ("zfs-mount.service",)}
    assert job.environment_files == ("-/etc/default/debvisor-zfs-scrub",)
    assert job.timeout == timedelta(hours=2)
    assert job.resources.memory_max == "1G"
    assert job.resources.cpu_quota == "300%"
    assert job.resources.tasks_max == 256
    assert job.script is not None
    assert "ZFS_POOL_LIST" in job.script


def test_debvisor_backup() -> None:
    job = of_debvisor("debvisor-backup")

    assert (cron(job), catches_up(job)) == ("@daily", True)
    assert job.command == ("/usr/bin/python3", "/opt/services/backup_manager.py", "--run-all")


def test_tsig_rotate() -> None:
    job = of_debvisor("tsig-rotate")

    assert (cron(job), catches_up(job), job.user) == ("@monthly", True, "tsig-rotator")
    assert job.command == ("/usr/local/bin/run-tsig-rotation.sh",)
    assert job.conditions.directives() == (
        ("ConditionFileIsExecutable", "/usr/local/bin/run-tsig-rotation.sh"),
    )
    assert job.unit.Service == {
        "ProtectSystem": ("full",),
        "ProtectHome": ("yes",),
        "NoNewPrivileges": ("yes",),
    }
