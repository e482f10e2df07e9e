# SPDX-License-Identifier: Apache-2.0
"""Names of units."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from debvisor_timers.render.names import (
    OWN_PATTERNS,
    boot_unit,
    job_of,
    path_unit,
    service_unit,
    timer_unit,
)


def test_names_of_a_job() -> None:
    assert service_unit("zfs-scrub") == "debvisor-job-zfs-scrub.service"
    assert timer_unit("zfs-scrub") == "debvisor-job-zfs-scrub.timer"
    assert boot_unit("zfs-scrub") == "debvisor-boot-zfs-scrub.timer"
    assert path_unit("zfs-scrub") == "debvisor-path-zfs-scrub.path"


@pytest.mark.parametrize("make", [service_unit, timer_unit, boot_unit, path_unit])
def test_every_name_leads_back_to_its_job_and_matches_a_pattern(make: object) -> None:
    assert callable(make)
    for job_id in ("a", "job-service", "0", "a" * 64):
        assert job_of(make(job_id)) == job_id
        assert any(fnmatch(make(job_id), pattern) for pattern in OWN_PATTERNS)


@pytest.mark.parametrize(
    "name",
    [
        "debvisor-api.service",
        "debvisor-timers.target",
        "debvisor-job-.service",
        "debvisor-job-a.socket",
        "debvisor-job-A.service",
        "debvisor-job-a.service.d",
        "debvisor-boot-a.service",
        "debvisor-path-a.service",
        "debvisor-path-a.timer",
        "debvisor-job-a.path",
        "x-debvisor-job-a.service",
        "debvisor-job-a.service\n",
    ],
)
def test_other_names_belong_to_no_job(name: str) -> None:
    assert job_of(name) is None
