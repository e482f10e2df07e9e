# SPDX-License-Identifier: Apache-2.0
"""The task ceph_health: what is wrong with a Ceph cluster, as its monitors say."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from debvisor_timers.tasks.base import FAILED, UNAVAILABLE, TaskFailed, credential, try_tool

PACKAGE: Final = "ceph-common"

_SEVERITIES: Final = ("HEALTH_OK", "HEALTH_WARN", "HEALTH_ERR")
_MOST_DETAILS: Final = 20
"""Of each check, in the result: a cluster may name thousands of placement groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a cluster complains of. code: how Ceph calls it. is_muted: by `ceph health mute`."""

    code: str
    severity: str
    summary: str
    details: tuple[str, ...] = ()
    is_muted: bool = False


def checks_in(text: str) -> list[Check]:
    """Return what `ceph health detail --format json` complains of, the worst first.

    Raises TaskFailed where that is not understood.
    """
    try:
        found = json.loads(text)
        checks = [
            Check(
                code=code,
                severity=about["severity"],
                summary=about["summary"]["message"],
                details=tuple(each["message"].strip() for each in about.get("detail", ())),
                is_muted=bool(about.get("muted", False)),
            )
            for code, about in found["checks"].items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskFailed(f"ceph health is not understood: {error!r}") from error
    return sorted(checks, key=lambda check: (-_rank(check.severity), check.code))


def judge(checks: Sequence[Check], *, ignore: Sequence[str], fail_on: str) -> dict[str, Any]:
    """Return the result of the task, and print it for people.

    ignore: globs of codes. Raises TaskFailed where something as bad as `fail_on` is left.
    """
    least = {"warning": 1, "error": 2}[fail_on]
    counted = [
        check
        for check in checks
        if not check.is_muted and not any(fnmatchcase(check.code, glob) for glob in ignore)
    ]
    worst = max((_rank(check.severity) for check in counted), default=0)
    result = {
        "status": _SEVERITIES[worst],
        "checks": {check.code: _document(check) for check in counted},
        "ignored": [check.code for check in checks if check not in counted],
    }
    _say(checks, counted, _SEVERITIES[worst])
    if worst >= least:
        bad = [check for check in counted if _rank(check.severity) >= least]
        raise TaskFailed(
            "the cluster is not well: "
            + "; ".join(f"{check.summary} ({check.code})" for check in bad),
            fix="see: ceph health detail; a known one is silenced by: ceph health mute CODE",
            exit_status=FAILED,
            result=result,
        )
    return result


def ceph_health(config: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the monitors how the cluster is, and fail where it is not well."""
    checks = checks_in(_ask(config))
    ignore = config.get("ignore") or ()
    return judge(checks, ignore=ignore, fail_on=config.get("fail_on", "warning"))


def _ask(config: Mapping[str, Any]) -> str:
    seconds = config.get("connect_timeout_seconds", 30)
    command = ["ceph", "--connect-timeout", str(seconds)]
    for key in ("conf", "keyring", "name"):
        if key in config:
            command += [f"--{key}", config[key]]
    if "credential" in config:
        credential(config["credential"])  # tells how to add it where the job has none
        folder = os.environ["CREDENTIALS_DIRECTORY"]
        command += ["--keyring", str(Path(folder) / config["credential"])]
    command += ["health", "detail", "--format", "json"]
    try:
        limit = timedelta(seconds=seconds + 30)
        done = try_tool(command, package=PACKAGE, timeout=limit)
    except TaskFailed as error:  # a client that hangs, as one whose monitors are half up
        if error.exit_status != FAILED:
            raise
        raise TaskFailed(str(error), exit_status=UNAVAILABLE) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
        raise TaskFailed(
            f"the cluster cannot be asked: {said}",
            fix="as root: ceph -s",
            exit_status=UNAVAILABLE,
        )
    return done.stdout


def _rank(severity: str) -> int:
    """Return how bad it is; what we do not know is an error."""
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES) - 1


def _document(check: Check) -> dict[str, Any]:
    shown = list(check.details[:_MOST_DETAILS])
    return {
        "severity": check.severity,
        "summary": check.summary,
        "details": shown,
        "more_details": len(check.details) - len(shown),
    }


def _say(checks: Sequence[Check], counted: Sequence[Check], status: str) -> None:
    print(status)
    for check in checks:
        left_out = "" if check in counted else " - left out"
        print(f"  {check.severity} {check.code}: {check.summary}{left_out}")
        for line in check.details[:_MOST_DETAILS]:
            print(f"    {line}")
    print(end="", flush=True)
