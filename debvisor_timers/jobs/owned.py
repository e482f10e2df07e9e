# SPDX-License-Identifier: Apache-2.0
"""Directives that the escape hatch `unit:` refuses, each with what to write instead, or why."""

from __future__ import annotations

import re
from collections.abc import Mapping

from debvisor_timers.jobs.faults import fault, quoted

DIRECTIVE = re.compile(r"[A-Z][A-Za-z0-9]*")

_KILLS = "it would stop or kill a running job"
_ONE_COMMAND = "a job is one command; put more of them into `script`"
_RETRIES = "a failed job waits for its next run in this version"
_RESULTS = "the history of runs would be wrong"
_TIMES = "a job starts at the times of its schedule, and at no other"
_ROOT = "what starts and records each run lies outside of it; use the sandbox directives"
_OUTPUT = "`logs` and `history` read the journal; redirect inside of a `script`"

UNIT: Mapping[str, str] = {
    "Description": "use the key `name`",
    "Requires": "use the key `depends_on`",
    "Requisite": _KILLS,
    "BindsTo": _KILLS,
    "PartOf": _KILLS,
    "Upholds": "it would start other units again and again",
    "Conflicts": _KILLS,
    "StopPropagatedFrom": _KILLS,
    "PropagatesStopTo": "the end of a job would stop other units",
    "StopWhenUnneeded": _KILLS,
    "CollectMode": "the result of a run would be forgotten",
    "RefuseManualStart": "`run` could not start the job; use `enabled`",
    "RefuseManualStop": "`stop` could not stop the job",
    "StartLimitIntervalSec": "runs over a start limit are dropped without a trace",
    "StartLimitBurst": "runs over a start limit are dropped without a trace",
    "JobTimeoutSec": "use the key `timeout`",
    # systemd 257: the run is reported failed while its program goes on.
    "JobRunningTimeoutSec": "use the key `timeout`",
}
"""Directives of [Unit] that are ours."""

SERVICE: Mapping[str, str] = {
    "Type": "each job is a oneshot service",
    "ExitType": "each job is a oneshot service",
    "ExecStart": "use the key `command` or `script`",
    "ExecStartPre": _ONE_COMMAND,
    "ExecStartPost": _ONE_COMMAND,
    "ExecStop": _ONE_COMMAND,
    "ExecStopPost": _ONE_COMMAND,
    "ExecReload": _ONE_COMMAND,
    "ExecCondition": "a broken condition would count as a skip; use a Condition of section Unit",
    "User": "use the key `user`",
    "Group": "use the key `group`",
    "DynamicUser": "use the key `user`",
    "WorkingDirectory": "use the key `working_directory`",
    "Environment": "use the key `environment`",
    "EnvironmentFile": "use the key `environment_files`",
    "UnsetEnvironment": "each run is recorded by variables that systemd sets",
    "TimeoutSec": "use the keys `timeout` and `stop_timeout`",
    "TimeoutStartSec": "use the key `timeout`",
    "TimeoutStopSec": "use the key `stop_timeout`",
    "RuntimeMaxSec": "use the key `timeout`",
    "RuntimeRandomizedExtraSec": "use the key `timeout`",
    "WatchdogSec": "use the key `timeout`",
    "Restart": _RETRIES,
    "RestartMode": _RETRIES,
    "RestartSec": _RETRIES,
    "RestartSteps": _RETRIES,
    "RestartMaxDelaySec": _RETRIES,
    "RestartPreventExitStatus": _RETRIES,
    "RestartForceExitStatus": _RETRIES,
    "RemainAfterExit": "a job that stays active would never run again",
    "GuessMainPID": _RESULTS,
    "PIDFile": _RESULTS,
    "NotifyAccess": "with it a program could lengthen its own time-out",
    "FileDescriptorStoreMax": "it is kept for locks",
    "FileDescriptorStorePreserve": "it is kept for locks",
    "Sockets": "a job is started by its timer",
    "BusName": "a job is started by its timer",
    "KillMode": "children of the program may clean up, then all of them are killed",
    "SendSIGKILL": "a job that ignores SIGTERM is killed after `stop_timeout`",
    "FinalKillSignal": "a job that ignores SIGTERM is killed after `stop_timeout`",
    "RootDirectory": _ROOT,
    "RootDirectoryStartOnly": _ROOT,
    "RootImage": _ROOT,
    "RootEphemeral": _ROOT,
    "StandardInput": "use the key `input`",
    "StandardInputText": "use the key `input`",
    "StandardInputData": "use the key `input`",
    "StandardOutput": _OUTPUT,
    "StandardError": _OUTPUT,
    "SyslogIdentifier": "it is the id of the job",
    "LogExtraFields": "use the keys `owner` and `tags`",
    # systemd 257: LogLevelMax=warning deletes the manager's own lines on the unit's start and end.
    "LogLevelMax": _RESULTS,
    "LogNamespace": _OUTPUT,
    "LogFilterPatterns": _RESULTS,
    "CPUAccounting": "`history` shows the CPU time of each run",
    "MemoryAccounting": "`history` shows the memory of each run",
    "Slice": "use the key `priority`",
    "MemoryMax": "use the key `resources.memory_max`",
    "MemoryHigh": "use the key `resources.memory_high`",
    "CPUQuota": "use the key `resources.cpu_quota`",
    "TasksMax": "use the key `resources.tasks_max`",
    "IOWeight": "use the key `resources.io_weight`",
}
"""Directives of [Service] that are ours."""

TIMER: Mapping[str, str] = {
    "OnCalendar": "use the key `schedule`",
    "Persistent": "use the key `schedule.catch_up`",
    "X-CatchUp": "use the key `schedule.catch_up`",
    "AccuracySec": "a job starts within a second of its time",
    "RandomizedDelaySec": _TIMES,
    "RandomizedOffsetSec": _TIMES,
    "FixedRandomDelay": _TIMES,
    "DeferReactivation": "an elapse during a run is skipped",
    "RemainAfterElapse": "`status` asks the timer after its last run",
    "OnBootSec": "use a boot trigger: triggers: [{boot: 5min}]",
    "OnStartupSec": "use a boot trigger: triggers: [{boot: 5min}]",
    "OnActiveSec": "it would start the job by `apply`; use the key `schedule`",
    "OnUnitActiveSec": "it would start the job by `apply`; use the key `schedule`",
    "OnUnitInactiveSec": "it would start the job by `apply`; use the key `schedule`",
    "OnClockChange": _TIMES,
    "OnTimezoneChange": _TIMES,
    "Unit": "a timer starts its own job",
}
"""Directives of [Timer] that are ours."""


def _check(directive: str, owned: Mapping[str, str]) -> str:
    if not DIRECTIVE.fullmatch(directive):
        raise fault(
            f"{quoted(directive)} is not a name of a directive",
            fix="write it as systemd does, such as ReadWritePaths",
        )
    instead = owned.get(directive)
    if instead is None:
        return directive
    if instead.startswith("use "):
        raise fault(f"{directive}= is set by debvisor-timers", fix=instead)
    raise fault(f"{directive}= cannot be set here: {instead}", fix="remove it")


def check_unit_directive(directive: str) -> str:
    """Return the name of a directive for [Unit] that is not one of ours."""
    return _check(directive, UNIT)


def check_service_directive(directive: str) -> str:
    """Return the name of a directive for [Service] that is not one of ours."""
    return _check(directive, SERVICE)


def check_timer_directive(directive: str) -> str:
    """Return the name of a directive for [Timer] that is not one of ours."""
    return _check(directive, TIMER)
