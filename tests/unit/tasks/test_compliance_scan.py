# SPDX-License-Identifier: Apache-2.0
"""compliance_scan: what results say, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.compliance_scan import (
    Scan,
    newest_content,
    profile_named,
    scan_of_lynis,
    scan_of_xccdf,
    words_of,
)

RESULTS = b"""<?xml version="1.0"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2"><TestResult>
<rule-result idref="rule_a"><result>pass</result></rule-result>
<rule-result idref="rule_b"><result>fail</result></rule-result>
<rule-result idref="rule_c"><result>notselected</result></rule-result>
<rule-result idref="rule_d"><result>notapplicable</result></rule-result>
<rule-result idref="rule_e"><result>error</result></rule-result>
<score system="urn:xccdf:scoring:default" maximum="200">101</score>
</TestResult></Benchmark>
"""
REPORT = """\
# Lynis Report
hardening_index=62
lynis_tests_done=250
warning[]=AUTH-9308|No password set for single mode|-|-|
suggestion[]=SSH-7408|Consider hardening SSH|a|-|
suggestion[]=KRNL-5820|Consider disabling core dumps|-|-|
"""
KNOWN = [f"xccdf_org.ssgproject.content_profile_{name}" for name in ("pci-dss", "standard")]


def test_a_score_is_told_of_a_hundred() -> None:
    assert scan_of_xccdf(RESULTS) == Scan(
        score=50.5,
        counts={"pass": 1, "fail": 1, "notapplicable": 1, "error": 1},
        failed=("rule_b", "rule_e"),
    )


def test_the_index_of_lynis_is_its_score() -> None:
    assert scan_of_lynis(REPORT) == Scan(
        score=62.0,
        counts={"warnings": 1, "suggestions": 2, "tests": 250},
        failed=("AUTH-9308|No password set for single mode|-|-",),
    )


def test_results_without_a_score_are_a_failure() -> None:
    with pytest.raises(TaskFailed, match="no score"):
        scan_of_xccdf(b"<a/>")
    with pytest.raises(TaskFailed, match="no hardening index"):
        scan_of_lynis("# empty\n")


@pytest.mark.parametrize("policy", ["pci-dss", "pci_dss", "PCI-DSS", KNOWN[0]])
def test_a_policy_is_found_by_the_end_of_its_name(policy: str) -> None:
    assert profile_named(policy, KNOWN) == KNOWN[0]


def test_an_unknown_policy_is_told_with_those_that_there_are() -> None:
    with pytest.raises(TaskFailed, match="there are: pci-dss, standard"):
        profile_named("dss", KNOWN)


def test_the_content_of_the_newest_debian_counts(tmp_path: Path) -> None:
    for name in ("debian9", "debian13", "debian12", "rhel9"):
        (tmp_path / f"ssg-{name}-ds.xml").touch()
    assert newest_content(tmp_path).name == "ssg-debian13-ds.xml"
    with pytest.raises(TaskFailed, match="apt install ssg-debian"):
        newest_content(tmp_path / "none")


def test_counts_in_words() -> None:
    assert words_of({"pass": 12, "fail": 3}) == "3 fail, 12 pass"
    assert words_of({}) == "no rules"
