# SPDX-License-Identifier: Apache-2.0
"""stop: end the run of a job that is under way, whether it runs, waits or is to be retried."""

from __future__ import annotations

from debvisor_timers.history.fields import read_fields
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service
from debvisor_timers.operations.runs.results import note_result
from debvisor_timers.operations.runs.running import is_running
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.render.names import service_unit


def stop_job(host: Host, job_id: str) -> bool:
    """End the run of the job that is under way; return False when there was none.

    No attempt follows. The schedule is not touched: the next run comes as planned. A run whose job
    was removed meanwhile can be stopped too.
    """
    if not is_running(host, job_id):
        applied_service(host, job_id)
        return False
    service = service_unit(job_id)
    noted = under_way(host, job_id)
    fields = {
        name: value
        for name, value in read_fields(host.layout.runs / job_id).items()
        if name.startswith("DEBVISOR_")
    }
    result = host.manager.service(service).result
    host.manager.stop([service])
    if noted is not None and not _is_ended(host, job_id, noted.id):
        # Between two attempts systemd runs nothing of ours (systemd 257).
        fields.pop("DEBVISOR_RETRY_USEC", None)
        fields.pop("DEBVISOR_WAITING", None)
        now = host.clock.now().timestamp()
        ended = {"RESULT": result, "STOPPED": "1", "FINAL": "1", "END_USEC": f"{now * 1e6:.0f}"}
        note_result(host, job_id, fields | {f"DEBVISOR_{k}": v for k, v in ended.items()})
    return True


def _is_ended(host: Host, job_id: str, run_id: str) -> bool:
    """Return True when `end` has noted the end of the run."""
    return read_fields(host.layout.ended / job_id).get("DEBVISOR_RUN_ID") == run_id
