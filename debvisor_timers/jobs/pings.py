# SPDX-License-Identifier: Apache-2.0
"""Dead-man pings: addresses that are told of runs, and raise an alarm when nothing comes."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BeforeValidator

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.channel_values import Url, check_url
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key

_START, _FAILURE = "/start", "/fail"


def read_ping(value: Any) -> Any:
    """Return the three addresses that one stands for, other values as they are.

    Source: healthchecks.io, Pinging API.
    """
    if not isinstance(value, str):
        return value
    base = check_url(value).rstrip("/")
    if "?" in base or "#" in base:
        raise fault(
            "has a query, after which nothing can be added", fix="write start, success and failure"
        )
    return {"start": base + _START, "success": base, "failure": base + _FAILURE}


class Ping(Model):
    """Addresses of HTTP that are told of the runs of a job."""

    start: Url | None = key(
        None,
        help="The address that is told when a run begins.",
        example="https://hc-ping.com/0b7e1a52-6c1f-4d8e-9a55-3f6f0a2f7b11/start",
        shown_default="none",
    )
    success: Url | None = key(
        None,
        help="The address that is told when a run has succeeded.",
        example="https://hc-ping.com/0b7e1a52-6c1f-4d8e-9a55-3f6f0a2f7b11",
        shown_default="none",
    )
    failure: Url | None = key(
        None,
        help="The address that is told when a run has failed, after its last attempt, or was cut "
        "off by a crash.",
        example="https://hc-ping.com/0b7e1a52-6c1f-4d8e-9a55-3f6f0a2f7b11/fail",
        shown_default="none",
    )

    @property
    def is_told_of_ends(self) -> bool:
        """Return True where an address is told how a run ended."""
        return bool(self.success or self.failure)


PingKey = Annotated[
    Ping,
    BeforeValidator(read_ping),
    Shown(
        "URL | mapping",
        {
            "anyOf": [
                {"type": "string", "format": "uri"},
                {
                    "type": "object",
                    "properties": {
                        name: {"type": "string", "format": "uri"}
                        for name in ("start", "success", "failure")
                    },
                    "additionalProperties": False,
                },
            ]
        },
    ),
]


class PingRule(Model):
    """Addresses for several jobs, by a pattern."""

    jobs: Annotated[
        tuple[values.Line, ...],
        BeforeValidator(checks.as_list_of_some),
        Shown(
            "pattern | list of patterns",
            {"anyOf": [values.ANY_TEXT, {"type": "array", "items": values.ANY_TEXT}]},
        ),
    ] = key(
        REQUIRED,
        help="The jobs, by patterns of the shell: `*`, `?` and `[...]`.",
        example=["nightly-*", "backup"],
    )
    ping: PingKey = key(
        REQUIRED,
        help="The addresses, as in the key `ping` of a job; `{job}` stands for its id.",
        example="https://hc-ping.com/my-project-key/{job}",
    )


def ping_for(job_id: str, rules: Iterable[PingRule]) -> Ping | None:
    """Return the addresses of the first rule that means a job; None where none does."""
    for rule in rules:
        if any(fnmatchcase(job_id, pattern) for pattern in rule.jobs):
            return rule.ping
    return None
