# SPDX-License-Identifier: Apache-2.0
"""compliance_scan: OpenSCAP or Lynis over this host, as a score with a threshold."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from debvisor_timers.tasks.base import UNAVAILABLE, WRONG, TaskFailed, run_tool, try_tool

OSCAP = "/usr/bin/oscap"
LYNIS = "/usr/sbin/lynis"
CONTENT = Path("/usr/share/xml/scap/ssg/content")
"""Where Debian's package ssg-debian has its data streams."""

_XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
_SOME_FAILED = 2
"""Exit status of oscap where the scan was made, and some rule is not kept."""
_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scan found. score: from 0 to 100. counts: how many rules have each result.

    failed: the rules that are not kept, or what is warned of.
    """

    score: float
    counts: Mapping[str, int]
    failed: tuple[str, ...]


def compliance_scan(config: Mapping[str, Any]) -> dict[str, Any]:
    """Scan this host, and return the score; TaskFailed where it is below the threshold."""
    tool = config.get("tool") or ("openscap" if config.get("policy") else "lynis")
    scan = _openscap(config) if tool == "openscap" else _lynis(config)
    threshold = config.get("threshold", 0)
    result = {
        "tool": tool,
        "policy": config.get("policy"),
        "target": config.get("target"),
        "score": round(scan.score, 1),
        "threshold": threshold,
        "counts": dict(scan.counts),
        "failed": list(scan.failed),
    }
    print(f"score {scan.score:.1f} of 100; {words_of(scan.counts)}")
    for rule in scan.failed[:_NAMED]:
        print(f"not kept: {rule}")
    if len(scan.failed) > _NAMED:
        print(f"and {len(scan.failed) - _NAMED} more")
    if scan.score < threshold:
        raise TaskFailed(
            f"the score {scan.score:.1f} is below {threshold}", exit_status=WRONG, result=result
        )
    return result


def words_of(counts: Mapping[str, int]) -> str:
    """Return how many rules have each result: `3 fail, 12 pass`."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "no rules"


def _openscap(config: Mapping[str, Any]) -> Scan:
    content = Path(config["content"]) if config.get("content") else newest_content()
    if not content.is_file():
        raise TaskFailed(f"there is no {content}", fix="correct content", exit_status=WRONG)
    with tempfile.TemporaryDirectory(prefix="debvisor-scan-") as folder:
        results = Path(folder) / "results.xml"
        command = [OSCAP, "xccdf", "eval", "--results", str(results)]
        if policy := config.get("policy"):
            command += ["--profile", _profile(content, policy)]
        if report := config.get("report"):
            command += ["--report", report]
        done = try_tool([*command, str(content)], package="openscap-scanner")
        if done.returncode not in {0, _SOME_FAILED}:
            said = " ".join(done.stderr.split())[:500] or "it says nothing"
            raise TaskFailed(f"oscap ended with exit status {done.returncode}: {said}")
        return scan_of_xccdf(results.read_bytes())


def newest_content(folder: Path = CONTENT) -> Path:
    """Return the data stream of the newest Debian that there is; raise TaskFailed for none."""
    found = sorted(folder.glob("ssg-debian*-ds.xml"), key=lambda path: (len(path.name), path.name))
    if not found:
        raise TaskFailed(
            f"there is no content in {folder}",
            fix="apt install ssg-debian, or set content",
            exit_status=UNAVAILABLE,
        )
    return found[-1]


def _profile(content: Path, policy: str) -> str:
    said = run_tool([OSCAP, "info", "--profiles", str(content)], package="openscap-scanner")
    return profile_named(policy, [line.partition(":")[0] for line in said.splitlines() if line])


def profile_named(policy: str, known: Sequence[str]) -> str:
    """Return the profile that a policy names: by its id, or the end of it. Raises TaskFailed."""
    wanted = policy.lower().replace("-", "_")
    for name in known:
        end = name.lower().rpartition("profile_")[2].replace("-", "_")
        if name == policy or end == wanted:
            return name
    shown = ", ".join(name.rpartition("profile_")[2] for name in known) or "none"
    raise TaskFailed(
        f"the content has no policy {policy}", fix=f"there are: {shown}", exit_status=WRONG
    )


def scan_of_xccdf(results: bytes) -> Scan:
    """Return what a file of results of XCCDF 1.2 says; raise TaskFailed for one that says nothing.

    Source: NISTIR 7275, 6.6.
    """
    root = ET.fromstring(results)  # noqa: S314 - oscap has written it just now
    test = root if root.tag == f"{_XCCDF}TestResult" else root.find(f".//{_XCCDF}TestResult")
    score = None if test is None else test.find(f"{_XCCDF}score")
    if test is None or score is None or not score.text:
        raise TaskFailed("oscap wrote no score")
    most = float(score.get("maximum") or 100)
    rules = [
        (each.get("idref", ""), (each.findtext(f"{_XCCDF}result") or "unknown").strip())
        for each in test.findall(f"{_XCCDF}rule-result")
    ]
    counts = Counter(outcome for _, outcome in rules if outcome != "notselected")
    if not counts.keys() - {"notapplicable", "notchecked"}:
        raise TaskFailed(
            "no rule of the content applies to this host",
            fix="set content, and a policy of it",
            exit_status=WRONG,
        )
    failed = tuple(name for name, outcome in rules if outcome in {"fail", "error", "unknown"})
    return Scan(score=100 * float(score.text) / most, counts=counts, failed=failed)


def _lynis(config: Mapping[str, Any]) -> Scan:
    with tempfile.TemporaryDirectory(prefix="debvisor-scan-") as folder:
        report = Path(config.get("report") or f"{folder}/report.dat")
        command = [LYNIS, "audit", "system", "--cronjob", "--report-file", str(report)]
        command += ["--logfile", f"{folder}/log"]
        if tests := config.get("tests"):
            # It searches their names in this text, in which it refuses blanks (lynis 3.1).
            command += ["--tests", ":".join(tests)]
        done = try_tool(command, package="lynis")
        try:
            return scan_of_lynis(report.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            said = " ".join(f"{done.stdout} {done.stderr}".split())[-500:]
            raise TaskFailed(f"lynis wrote no report: {said}") from error


def scan_of_lynis(report: str) -> Scan:
    """Return what a report of Lynis says; raise TaskFailed for one without an index."""
    pairs = [line.partition("=") for line in report.splitlines() if not line.startswith("#")]
    values = {name: value for name, _, value in pairs}
    warnings = [value.rstrip("|") for name, _, value in pairs if name == "warning[]"]
    suggestions = [value for name, _, value in pairs if name == "suggestion[]"]
    if not values.get("hardening_index", "").isdigit():
        raise TaskFailed("lynis wrote no hardening index")
    counts = {"warnings": len(warnings), "suggestions": len(suggestions)}
    if values.get("lynis_tests_done", "").isdigit():
        counts["tests"] = int(values["lynis_tests_done"])
    return Scan(score=float(values["hardening_index"]), counts=counts, failed=tuple(warnings))
