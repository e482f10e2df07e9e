# SPDX-License-Identifier: Apache-2.0
"""Nobody but root becomes root by a job: not by its variables, not by the files of its jobs."""

from __future__ import annotations

import pytest

from tests.box import Box
from tests.system.host import JOBS, Host

# ld.so complains of it on the standard error of every program that has the variable.
PRELOAD = "LD_PRELOAD=/none.so\nHARMLESS=yes\n"
COMPLAINT = "object '/none.so' from LD_PRELOAD cannot be preloaded"
JOB = """\
jobs:
  job:
    environment_files: [/etc/job.env]
    command: [/usr/bin/env]
"""


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


def test_the_linker_heeds_no_variable_of_a_file(host: Host) -> None:
    host.box.write("/etc/job.env", PRELOAD)
    host.apply(JOB)
    host.cli("run", "--wait", "job")
    host.box.run(["journalctl", "--sync"])
    said = host.box.journal("-u", "debvisor-job-job.service", "-o", "cat")
    assert "HARMLESS=yes" in said
    assert "LD_PRELOAD" not in said

    plain = "systemd-run --wait -p EnvironmentFile=/etc/job.env --unit=plain /usr/bin/env"
    host.box.run(f"{plain}; journalctl --sync")
    assert COMPLAINT in host.box.journal("-u", "plain", "-o", "cat")


def test_a_link_that_another_user_can_turn_is_refused(host: Host) -> None:
    host.box.write("/etc/job.env", PRELOAD)
    host.box.run(
        "install -d -o nobody /home/alice && ln -s /etc/job.env /home/alice/env"
        " && chown -h nobody /home/alice/env && ln -s /home/alice/env /etc/hop.env"
    )
    for file in ("/home/alice/env", "/etc/hop.env", "/home/alice/../../etc/job.env"):
        said = host.apply(JOB.replace("/etc/job.env", file), expect=3).stderr
        assert "'/home/alice' can be changed by others than root" in said
    assert "chown root /home/alice" in said


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (f"chown nobody {JOBS}/jobs.yaml", f"chown root {JOBS}/jobs.yaml"),
        (f"chmod 666 {JOBS}/jobs.yaml", f"chmod go-w {JOBS}/jobs.yaml"),
        (f"chmod 777 {JOBS}", f"chmod go-w {JOBS}"),
        (f"chgrp nogroup {JOBS}; chmod g+w {JOBS}", f"chmod go-w {JOBS}"),
        ("chown nobody /etc/debvisor/timers", "chown root /etc/debvisor/timers"),
    ],
)
def test_job_files_that_others_can_change_are_not_applied(
    host: Host, spoil: str, mend: str
) -> None:
    host.write("jobs: {job: {command: [/usr/bin/true]}}\n")
    host.box.run(spoil)
    refused = host.cli("apply", "--yes", expect=3)
    assert "can be changed by others than root" in refused.stderr
    assert mend in refused.stderr
    host.box.run(mend)
    host.cli("apply", "--yes")
