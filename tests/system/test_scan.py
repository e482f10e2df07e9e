# SPDX-License-Identifier: Apache-2.0
"""compliance_scan with the real OpenSCAP, by two rules of our own, and the real Lynis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import SCAN
from tests.system import work
from tests.system.host import Host
from tests.system.work import run

CASES = Path(__file__).parents[1] / "cases" / "scap"
CONTENT = "content: /srv/xccdf.xml, policy: pci-dss, target: prod-cluster"
JOBS = f"""\
jobs:
  good: {{task: {{type: compliance_scan, config: {{{CONTENT}, report: /srv/r.html}}}}}}
  low: {{task: {{type: compliance_scan, config: {{{CONTENT}, threshold: 51}}}}}}
  other: {{task: {{type: compliance_scan, config: {{content: /srv/xccdf.xml, policy: dss}}}}}}
  empty: {{task: {{type: compliance_scan, config: {{policy: standard}}}}, retries: {{max: 0}}}}
  lynis:
    task: {{type: compliance_scan, config: {{tests: [AUTH-9204, FILE-6310]}}}}
    retries: {{max: 0}}
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(SCAN), hostname="box") as box:
        host = Host(box)
        for path in CASES.glob("*.xml"):
            box.write(f"/srv/{path.name}", path.read_text(encoding="utf-8"))
        host.apply(JOBS)
        yield host


def test_a_scan_is_a_score_with_the_rules_that_are_not_kept(host: Host) -> None:
    done = run(host, "good")

    assert done["outcome"] == "succeeded", host.box.journal("--unit", work.unit("good"))
    assert done["task_result"] == {
        "tool": "openscap",
        "policy": "pci-dss",
        "target": "prod-cluster",
        "score": 50.0,
        "threshold": 0,
        "counts": {"pass": 1, "fail": 1},
        "failed": ["xccdf_org.debvisor_rule_gone"],
    }
    assert "<html" in host.box.run("head -c 2000 /srv/r.html").stdout


def test_a_score_below_the_threshold_is_a_failure_that_keeps_its_result(host: Host) -> None:
    done = run(host, "low")

    assert (done["exit_status"], done["attempts"]) == (65, 1)
    assert done["task_result"]["score"] == 50.0
    assert "the score 50.0 is below 51" in host.box.journal("--unit", work.unit("low"))


def test_what_is_not_there_is_told(host: Host) -> None:
    assert run(host, "other")["exit_status"] == 65
    assert "there are: pci-dss" in host.box.journal("--unit", work.unit("other"))
    assert run(host, "empty")["exit_status"] == 69
    assert "apt install ssg-debian" in host.box.journal("--unit", work.unit("empty"))


def test_lynis_tells_its_index(host: Host) -> None:
    done = run(host, "lynis")

    assert done["outcome"] == "succeeded", host.box.journal("--unit", work.unit("lynis"))
    assert done["task_result"]["tool"] == "lynis"
    assert 0 <= done["task_result"]["score"] <= 100
    assert done["task_result"]["counts"]["tests"] >= 1
