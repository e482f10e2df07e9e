# SPDX-License-Identifier: Apache-2.0
"""What systemd-analyze says of rendered units, in our words and at its place in the YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from debvisor_timers.jobs import owned
from debvisor_timers.jobs.directives import KNOWN_KEYS
from debvisor_timers.jobs.faults import did_you_mean, nearest, quoted
from debvisor_timers.jobs.keys import table
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.sandbox import PRESETS
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.render.names import job_of
from debvisor_timers.source import Problem, Severity
from debvisor_timers.systemd.ports import Finding

_Path = tuple[str | int, ...]

_OWNED: Mapping[str, Mapping[str, owned.Refusal]] = {
    "Unit": owned.UNIT,
    "Service": owned.SERVICE,
    "Timer": owned.TIMER,
    "Path": owned.PATH,
}

_CONSEQUENCE = re.compile(
    r"(?:Unit )?has a bad unit file setting|Unit configuration has fatal error"
    r"|Timer unit lacks value setting|Path unit lacks path setting|Service has no ExecStart="
)
"""What systemd 257 says besides the mistake itself."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What systemd says, of which job, and the line of the unit that it is about, if any."""

    job: Job
    unit: str
    words: str
    section: str = ""
    directive: str = ""
    value: str = ""


def problems_of(
    findings: Iterable[Finding],
    jobs: Mapping[str, Job],
    units: Mapping[str, str],
    *,
    refused: frozenset[str],
) -> Iterator[Problem]:
    """Yield the problem of each finding about `units` (name to text), consequences left out.

    refused: the ids of the jobs whose calendar was refused already: nothing more is said of it.
    """
    by_unit: dict[str, list[_Said]] = {}
    for finding in findings:
        said = _said(finding, jobs[job_of(finding.unit) or ""], units[finding.unit])
        by_unit.setdefault(finding.unit, []).append(said)
    for about in by_unit.values():
        yield from map(_problem, _causes(about, is_refused=about[0].job.id in refused))


def _said(finding: Finding, job: Job, text: str) -> _Said:
    words = re.sub(r",? ignoring(?: assignment| line)?(?=[.:]|$)", "", finding.message)
    words = re.sub(r"^Failed to create \S+/start: ", "", words).removesuffix(".")
    said = _Said(job, finding.unit, words)
    if not finding.line:
        return said
    lines = text.split("\n")[: finding.line]
    name, _, value = lines[-1].partition("=")
    sections = [line[1:-1] for line in lines if line.startswith("[") and line.endswith("]")]
    return replace(said, section=sections[-1], directive=name, value=value)


def _causes(about: Sequence[_Said], *, is_refused: bool) -> list[_Said]:
    """Return what is no consequence of the rest, or the first thing said when all of it is."""
    is_refused = is_refused and about[0].unit.endswith(".timer")
    causes = [said for said in about if not _CONSEQUENCE.match(said.words)]
    if is_refused:
        return [said for said in causes if said.directive != "OnCalendar"]
    return causes or [about[0]]


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a message of systemd is told: where, in which words, with which mend."""

    pattern: re.Pattern[str]
    explain: Callable[[_Said, re.Match[str]], Complaint]
    severity: Severity = Severity.ERROR


def _problem(said: _Said) -> Problem:
    for rule in _RULES:
        if match := rule.pattern.search(said.words):
            complaint = rule.explain(said, match)
            message = f'{complaint.message} (systemd: "{said.words}")'
            problem = problem_at(said.job, replace(complaint, message=message))
            return replace(problem, severity=rule.severity)
    raise AssertionError("the last rule matches everything")


def _unknown(said: _Said, match: re.Match[str]) -> Complaint:
    section, name = said.section, match["name"]
    message = f"systemd has no directive {name}= in section {section}"
    message += did_you_mean(name, KNOWN_KEYS.get(section, ()))
    return _about_name(said, message, _other(section, name))


def _about_name(said: _Said, message: str, fix: str) -> Complaint:
    path = _path(said)[:3]
    return Complaint(path=path, message=message, fix=fix, on_key=True, about_parent=True)


def _other(section: str, name: str) -> str:
    homes = [each for each in _OWNED if each != section and name in KNOWN_KEYS[each]]
    if homes:
        return f"write it under unit.{homes[0]}"
    match = nearest(name, KNOWN_KEYS.get(section, ()))
    return _instead(section, match) if match else "remove it; systemd.directives(7) lists them all"


def _instead(section: str, name: str) -> str:
    refusal = _OWNED.get(section, {}).get(name)
    return refusal.fix if refusal else f"write {name}, or remove it"


def _outdated(said: _Said, match: re.Match[str]) -> Complaint:
    message = f"a later systemd will not know {match['old']}="
    return _about_name(said, message, _instead(said.section, match["new"]))


def _missing(said: _Said, match: re.Match[str]) -> Complaint:
    fix = "install what brings it, or correct the name"
    return _needed(said, match["other"], "does not exist on this host", fix)


def _masked(said: _Said, match: re.Match[str]) -> Complaint:
    fix = f"systemctl unmask {match['other']}, or do not depend on it"
    return _needed(said, match["other"], "is masked on this host", fix)


def _broken(said: _Said, match: re.Match[str]) -> Complaint:
    fix = f"systemd-analyze verify {match['other']} tells what is wrong with it"
    return _needed(said, match["other"], "cannot be started on this host", fix)


def _needed(said: _Said, other: str, what: str, fix: str) -> Complaint:
    names = [dependency.unit for dependency in said.job.depends_on]
    if other in names:
        path: _Path = ("depends_on", names.index(other), "unit")
        return Complaint(path=path, message=f"the unit {quoted(other)} {what}", fix=fix)
    message = f"the unit {quoted(other)}, which one of these needs, {what}"
    return Complaint(path=("depends_on",), message=message, fix=fix)


def _special_user(_said: _Said, match: re.Match[str]) -> Complaint:
    return Complaint(
        path=("user",),
        message=f"{quoted(match['user'])} is the user of other programs too, "
        "which can then reach what is this job's",
        fix="give the job a user of its own: adduser --system --group NAME",
    )


def _specifier(said: _Said, _match: re.Match[str]) -> Complaint:
    message = f"{quoted(said.value)} holds a specifier that systemd does not know"
    return Complaint(path=_path(said), message=message, fix="write %% for a percent sign")


def _relative(said: _Said, _match: re.Match[str]) -> Complaint:
    message = f"{quoted(said.value)} is not an absolute path"
    return Complaint(path=_path(said), message=message, fix="begin it with /")


def _no_unit(said: _Said, match: re.Match[str]) -> Complaint:
    message = f"{quoted(match['other'])} is not a unit name"
    fix = f"write its type too: {match['other']}.service"
    return Complaint(path=_path(said), message=message, fix=fix)


def _no_helper(_said: _Said, match: re.Match[str]) -> Complaint:
    message = f"{match['path']}, which each job needs, cannot be started"
    return Complaint(path=(), message=message, fix="apt install --reinstall debvisor-timers")


def _value(said: _Said, _match: re.Match[str]) -> Complaint:
    if not said.directive:
        fix = f"debvisor-timers show {said.job.id} --units prints the unit as it is now"
        return Complaint(path=(), message=f"systemd refuses {said.unit}", fix=fix)
    message = f"systemd does not take {quoted(said.value)} for {said.directive}="
    fix = f"correct it; systemd.directives(7) names the manual page of {said.directive}="
    return Complaint(path=_path(said), message=message, fix=fix)


_RULES = (
    _Rule(re.compile(r"^Unknown key '(?P<name>.+)' in section"), _unknown),
    _Rule(
        re.compile(r"^Unit uses (?P<old>\w+)=; please use (?P<new>\w+)= instead"),
        _outdated,
        Severity.WARNING,
    ),
    _Rule(re.compile(r"^Unit (?P<other>\S+) not found"), _missing),
    _Rule(re.compile(r"^Unit (?P<other>\S+) is masked"), _masked),
    _Rule(re.compile(r"^Unit (?P<other>\S+\.[a-z]+) "), _broken),
    _Rule(re.compile(r"^Special user (?P<user>\S+) "), _special_user, Severity.WARNING),
    _Rule(re.compile(r"^Failed to resolve (?:unit )?specifiers"), _specifier),
    _Rule(re.compile(r"path is not absolute"), _relative),
    _Rule(re.compile(r"^Failed to add dependency on (?P<other>[^\s:,]+)"), _no_unit),
    _Rule(re.compile(r"^Command (?P<path>\S+) is not executable"), _no_helper),
    _Rule(re.compile(r""), _value),
)
"""Searched in order in the words of systemd 257; see tests/contract/test_findings.py."""


def _path(said: _Said) -> _Path:
    """Return the key whose value is in the line of the unit."""
    written = getattr(said.job.unit, said.section, {}).get(said.directive, ())
    if written:
        index = written.index(said.value) if said.value in written else 0
        return ("unit", said.section, said.directive, index)
    if said.directive in PRESETS[said.job.sandbox]:
        return ("sandbox",)
    return tuple(_keys().get(said.directive, "unit").split("."))


@cache
def _keys() -> Mapping[str, str]:
    """Return the key that makes each directive; the one above where several keys do."""
    keys: dict[str, str] = {}
    for key in table():
        for name in re.findall(r"([\w-]+)=", key.directive):
            keys.setdefault(name, key.name)
    return keys
