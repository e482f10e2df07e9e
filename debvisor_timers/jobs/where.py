# SPDX-License-Identifier: Apache-2.0
"""On which host a job runs, of several that have the same jobs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.field import Model, Shown, key

MIGRATION_WAIT = timedelta(minutes=30)
"""How long a run waits for the end of a migration of its machine; `begin` has the same."""

_MACHINE_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.+:@-]{0,127}$"
_HOST_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"


def check_machine(name: str) -> str:
    """Return the name of a virtual machine."""
    if not re.fullmatch(_MACHINE_PATTERN, name) or name.endswith("\n"):
        raise fault(f"{quoted(name)} is not a name of a virtual machine", fix="write it as vm-123")
    return name


def check_host(name: str) -> str:
    """Return the name of a host."""
    if not re.fullmatch(_HOST_PATTERN, name) or name.endswith("\n"):
        raise fault(f"{quoted(name)} is not a host name", fix="write it as hostname prints it")
    return name


_HOST = {**values.ANY_TEXT, "pattern": _HOST_PATTERN}
Machine = Annotated[
    str,
    Strict(),
    AfterValidator(check_machine),
    Shown("name", {**values.ANY_TEXT, "pattern": _MACHINE_PATTERN}),
]
Hosts = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(check_host)], ...],
    BeforeValidator(checks.as_list_of_some),
    Shown(
        "host name | list of host names",
        {"anyOf": [_HOST, {"type": "array", "items": _HOST, "minItems": 1}]},
    ),
]


class Where(Model):
    """The hosts on which a job runs; elsewhere its runs are skipped."""

    vm_active: Machine | None = key(
        None,
        help="The virtual machine that runs on this host, where the job is to run: on the others "
        "its runs are skipped, with the reason. Results that other jobs ask for go with it.",
        directive="X-WhereVm=, X-Carry=",
        example="vm-123",
        shown_default="any host",
    )
    host: Hosts = key(
        (),
        help="The hosts on which the job runs, as hostname(1) prints their names.",
        directive="X-WhereHost=",
        example=["node1", "node2"],
        shown_default="any host",
    )
