# SPDX-License-Identifier: Apache-2.0
"""The past runs of one job, as most tests want them."""

from __future__ import annotations

from collections.abc import Sequence

from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.history import HistoryQuery
from debvisor_timers.operations.past.history import history as page_of


def history(host: Host, job: str, *, limit: int = 20) -> Sequence[Run]:
    """Return the last `limit` runs of the job, newest first."""
    query = HistoryQuery(wanted=RunFilter(jobs=(job,)), limit=limit)
    return page_of(host, query).runs
