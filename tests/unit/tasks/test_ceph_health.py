# SPDX-License-Identifier: Apache-2.0
"""ceph_health: which complaints count, and what the run says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.ceph_health import checks_in, judge

HEALTH = json.dumps(
    {
        "status": "HEALTH_ERR",
        "checks": {
            "OSD_DOWN": {
                "severity": "HEALTH_WARN",
                "summary": {"message": "1 osds down", "count": 1},
                "detail": [{"message": "osd.0 (root=default,host=a) is down"}],
                "muted": False,
            },
            "PG_DAMAGED": {
                "severity": "HEALTH_ERR",
                "summary": {"message": "Possible data damage: 1 pg inconsistent", "count": 1},
                "detail": [{"message": f"pg 1.{number} is inconsistent"} for number in range(25)],
                "muted": False,
            },
            "TOO_FEW_OSDS": {
                "severity": "HEALTH_WARN",
                "summary": {"message": "OSD count 0 < osd_pool_default_size 3", "count": 3},
                "detail": [],
                "muted": True,
            },
        },
        "mutes": [],
    }
)
WELL = '{"status": "HEALTH_OK", "checks": {}, "mutes": []}'


def test_a_cluster_that_is_well_has_no_checks() -> None:
    assert judge(checks_in(WELL), ignore=(), fail_on="warning") == {
        "status": "HEALTH_OK",
        "checks": {},
        "ignored": [],
    }


def test_complaints_fail_the_run_the_worst_first() -> None:
    with pytest.raises(TaskFailed) as failure:
        judge(checks_in(HEALTH), ignore=(), fail_on="warning")

    assert str(failure.value).split("\n")[0] == (
        "the cluster is not well: Possible data damage: 1 pg inconsistent (PG_DAMAGED); "
        "1 osds down (OSD_DOWN)"
    )
    assert failure.value.exit_status == 1
    result: Any = failure.value.result
    assert (result["status"], result["ignored"]) == ("HEALTH_ERR", ["TOO_FEW_OSDS"])
    damaged = result["checks"]["PG_DAMAGED"]
    assert (len(damaged["details"]), damaged["more_details"]) == (20, 5)


def test_what_is_ignored_or_not_bad_enough_fails_nothing() -> None:
    result = judge(checks_in(HEALTH), ignore=["PG_*"], fail_on="error")

    assert (result["status"], list(result["checks"])) == ("HEALTH_WARN", ["OSD_DOWN"])
    assert sorted(result["ignored"]) == ["PG_DAMAGED", "TOO_FEW_OSDS"]


def test_a_severity_that_nobody_knows_is_an_error() -> None:
    text = '{"checks": {"NEW": {"severity": "HEALTH_AWFUL", "summary": {"message": "x"}}}}'
    with pytest.raises(TaskFailed, match=r"x \(NEW\)"):
        judge(checks_in(text), ignore=(), fail_on="error")


@pytest.mark.parametrize("text", ["", "{}", '{"checks": []}', '{"checks": {"A": {}}}'])
def test_an_answer_that_is_not_understood_is_a_failure(text: str) -> None:
    with pytest.raises(TaskFailed, match="ceph health is not understood"):
        checks_in(text)
