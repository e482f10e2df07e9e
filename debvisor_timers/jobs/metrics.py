# SPDX-License-Identifier: Apache-2.0
"""Where metrics are written for the node exporter of Prometheus."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from debvisor_timers.jobs import values
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.field import Model, Shown, key


def check_textfile(path: str) -> str:
    """Return the path of a file that the node exporter reads."""
    if not path.endswith(".prom") or path.endswith("/.prom"):
        raise fault(
            f"{quoted(path)} does not end in .prom: the node exporter would pass over it",
            fix="name a file such as debvisor-timers.prom",
        )
    return path


TextFile = Annotated[
    values.AbsolutePath,
    AfterValidator(check_textfile),
    Shown("path", {"type": "string", "pattern": r"^/.*[^/]\.prom$"}),
]


class MetricsSettings(Model):
    """Who is told of metrics."""

    textfile: TextFile | None = key(
        None,
        help="The file into which a timer writes the metrics of this host, for the textfile "
        "collector of the node exporter. It must end in `.prom`; its folder must exist.",
        example="/var/lib/prometheus/node-exporter/debvisor-timers.prom",
        shown_default="no file",
    )
