# SPDX-License-Identifier: Apache-2.0
"""Directives that the escape hatch `unit:` refuses, each with what to write instead, or why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from debvisor_timers.jobs.faults import fault, quoted

DIRECTIVE = re.compile(r"[A-Z][A-Za-z0-9]*")
_REMOVE = "remove it"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a directive cannot be set, empty where a key sets it, and what to do instead."""

    why: str
    fix: str = _REMOVE

    def __str__(self) -> str:
        """Return the reason and what to do instead, for the man page."""
        told = (self.why, "" if self.fix == _REMOVE else self.fix)
        return "; ".join(filter(None, told))


def _use(*keys: str) -> Refusal:
    names = " and ".join(f"`{key}`" for key in keys)
    return Refusal("", f"use the {'key' if len(keys) == 1 else 'keys'} {names}")


_KILLS = Refusal("it would stop or kill a running job")
_ONE_COMMAND = Refusal("a job is one command", "put all commands into the key `script`")
_RESULTS = Refusal("the history of runs would be wrong")
_TIMES = Refusal("a job starts at the times of its schedule, and at no other")
_ROOT = Refusal(
    "what starts and records each run lies outside of it",
    "use the key `sandbox`, or directives such as ReadOnlyPaths",
)
_OUTPUT = Refusal("`logs` and `history` read the journal", "redirect inside of the key `script`")
_BOOT = Refusal("", "use the key `triggers`: [{boot: 5min}]")
_CHAINS = Refusal("it would hold for notifications, and for jobs that this one starts, as well")
_LIMIT = Refusal("runs over a start limit are dropped without a trace")
_BY_APPLY = Refusal("it would start the job by `apply`", "use the key `schedule`")

UNIT: Mapping[str, Refusal] = {
    "Description": _use("name"),
    "Requires": _use("depends_on"),
    "Requisite": _KILLS,
    "BindsTo": _KILLS,
    "PartOf": _KILLS,
    "Upholds": Refusal("it would start other units again and again"),
    "Conflicts": _KILLS,
    "StopPropagatedFrom": _KILLS,
    "PropagatesStopTo": Refusal("the end of a job would stop other units"),
    "StopWhenUnneeded": _KILLS,
    "CollectMode": Refusal("the result of a run would be forgotten"),
    "RefuseManualStart": Refusal("`run` could not start the job"),
    "RefuseManualStop": Refusal("`stop` could not stop the job"),
    "StartLimitIntervalSec": _LIMIT,
    "StartLimitBurst": _LIMIT,
    "StartLimitAction": _LIMIT,
    "OnSuccessJobMode": _CHAINS,
    "OnFailureJobMode": _CHAINS,
    "JobTimeoutSec": _use("timeout"),
    # systemd 257: the run is reported failed while its program goes on.
    "JobRunningTimeoutSec": _use("timeout"),
    # Older names, which systemd 257 still takes for one of the above.
    "BindTo": _KILLS,
    "RequiresOverridable": _use("depends_on"),
    "RequisiteOverridable": _KILLS,
    "StartLimitInterval": _LIMIT,
    "OnFailureIsolate": _CHAINS,
    "ConditionPathExists": _use("conditions.path_exists"),
    "ConditionPathExistsGlob": _use("conditions.path_exists_glob"),
    "ConditionPathIsDirectory": _use("conditions.path_is_directory"),
    "ConditionPathIsSymbolicLink": _use("conditions.path_is_symbolic_link"),
    "ConditionPathIsMountPoint": _use("conditions.path_is_mount_point"),
    "ConditionPathIsReadWrite": _use("conditions.path_is_read_write"),
    "ConditionPathIsEncrypted": _use("conditions.path_is_encrypted"),
    "ConditionDirectoryNotEmpty": _use("conditions.directory_not_empty"),
    "ConditionFileNotEmpty": _use("conditions.file_not_empty"),
    "ConditionFileIsExecutable": _use("conditions.file_is_executable"),
    "ConditionACPower": _use("conditions.ac_power"),
    "ConditionVirtualization": _use("conditions.virtualization"),
    "ConditionHost": _use("conditions.host"),
    "ConditionArchitecture": _use("conditions.architecture"),
    "ConditionKernelCommandLine": _use("conditions.kernel_command_line"),
    "ConditionMemory": _use("conditions.memory"),
    "ConditionCPUs": _use("conditions.cpus"),
    "ConditionMemoryPressure": _use("conditions.memory_pressure"),
    "ConditionCPUPressure": _use("conditions.cpu_pressure"),
    "ConditionIOPressure": _use("conditions.io_pressure"),
}
"""Directives of [Unit] that are ours; OnSuccess= and OnFailure= may be added to ours."""

SERVICE: Mapping[str, Refusal] = {
    "Type": Refusal("each job is a oneshot service"),
    "ExitType": Refusal("each job is a oneshot service"),
    "ExecStart": Refusal("", "use the key `command` or `script`"),
    "ExecStartPre": _ONE_COMMAND,
    "ExecStartPost": _ONE_COMMAND,
    "ExecStop": _ONE_COMMAND,
    "ExecStopPost": _ONE_COMMAND,
    "ExecReload": _ONE_COMMAND,
    "ExecCondition": Refusal(
        "a broken condition would count as a skip",
        "test it in the `script`, or use the key `conditions`",
    ),
    "User": _use("user"),
    "Group": _use("group"),
    "DynamicUser": _use("user"),
    "WorkingDirectory": _use("working_directory"),
    "Environment": _use("environment"),
    "EnvironmentFile": _use("environment_files"),
    "UnsetEnvironment": Refusal("each run is recorded by variables that systemd sets"),
    "TimeoutSec": _use("timeout", "stop_timeout"),
    "TimeoutStartSec": _use("timeout"),
    "TimeoutStopSec": _use("stop_timeout"),
    "RuntimeMaxSec": _use("timeout"),
    "RuntimeRandomizedExtraSec": _use("timeout"),
    "WatchdogSec": _use("timeout"),
    "Restart": _use("retries"),
    "RestartMode": _use("retries"),
    "RestartSec": _use("retries"),
    "RestartSteps": _use("retries"),
    "RestartMaxDelaySec": _use("retries"),
    "RestartPreventExitStatus": _use("retries.never_on_exit"),
    "RestartForceExitStatus": _use("retries"),
    "RemainAfterExit": Refusal("a job that stays active would never run again"),
    "GuessMainPID": _RESULTS,
    "PIDFile": _RESULTS,
    "NotifyAccess": Refusal("with it a program could lengthen its own time-out"),
    "FileDescriptorStoreMax": Refusal("it is kept for locks"),
    "FileDescriptorStorePreserve": Refusal("it is kept for locks"),
    "OpenFile": Refusal(
        "`run` closes what systemd hands over, the locks of a run", "open it in the key `script`"
    ),
    "Sockets": Refusal("a job is started by its timer"),
    "BusName": Refusal("a job is started by its timer"),
    "KillMode": Refusal("children of the program may clean up, then all of them are killed"),
    "SendSIGKILL": Refusal("a job that ignores SIGTERM is killed after `stop_timeout`"),
    "FinalKillSignal": Refusal("a job that ignores SIGTERM is killed after `stop_timeout`"),
    "RootDirectory": _ROOT,
    "RootDirectoryStartOnly": _ROOT,
    "RootImage": _ROOT,
    "RootEphemeral": _ROOT,
    "StandardInput": _use("input"),
    "StandardInputText": _use("input"),
    "StandardInputData": _use("input"),
    "StandardOutput": _OUTPUT,
    "StandardError": _OUTPUT,
    "SyslogIdentifier": Refusal("it is the id of the job"),
    "SyslogFacility": Refusal("standard output and standard error are told apart by it"),
    "LogExtraFields": _use("owner", "tags"),
    # systemd 257: LogLevelMax=warning deletes the manager's own lines on the unit's start and end.
    "LogLevelMax": _RESULTS,
    "LogNamespace": _OUTPUT,
    "LogFilterPatterns": _RESULTS,
    "CPUAccounting": Refusal("`history` shows the CPU time of each run"),
    "MemoryAccounting": Refusal("`history` shows the memory of each run"),
    "LoadCredential": _use("credentials"),
    "LoadCredentialEncrypted": _use("encrypted_credentials"),
    "UMask": _use("umask"),
    "PrivateNetwork": _use("private_network"),
    "Slice": _use("priority"),
    "MemoryMax": _use("resources.memory_max"),
    "MemoryHigh": _use("resources.memory_high"),
    "CPUQuota": _use("resources.cpu_quota"),
    "TasksMax": _use("resources.tasks_max"),
    "IOWeight": _use("resources.io_weight"),
    # Older names, which systemd 257 still takes for one of the above, or of those of [Unit].
    "MemoryLimit": _use("resources.memory_max"),
    "BlockIOWeight": _use("resources.io_weight"),
    "PermissionsStartOnly": _ROOT,
    "X-Requires": _use("depends_on"),
    "X-Step": _use("depends_on"),
    "X-After": _use("depends_on"),
    "X-WhereHost": _use("where"),
    "X-WhereVm": _use("where"),
    "X-Carry": _use("where"),
    "X-Conflict": _use("conflicts_with"),
    "X-Notify": _use("notify"),
    "X-Pool": _use("pool"),
    "X-Priority": _use("priority"),
    "X-SuccessOf": _use("triggers"),
    "X-AnySuccessOf": _use("triggers"),
    "X-FailureOf": _use("triggers"),
    "X-Delays": _use("retries"),
    "X-RetryOn": _use("retries"),
    "X-Timeout": _use("timeout"),
    "X-TotalTimeout": _use("total_timeout"),
    "X-Exclude": _use("schedule.exclude"),
    "X-ExcludeZone": _use("schedule.timezone"),
    "X-Maintenance": Refusal("", "use the key maintenance_windows of config.yaml"),
    "StartLimitInterval": _LIMIT,
    "StartLimitBurst": _LIMIT,
    "StartLimitAction": _LIMIT,
}
"""Directives of [Service] that are ours."""

TIMER: Mapping[str, Refusal] = {
    "OnCalendar": _use("schedule"),
    "Persistent": _use("schedule.catch_up"),
    "X-CatchUp": _use("schedule.catch_up"),
    "AccuracySec": Refusal("a job starts within a second of its time"),
    "RandomizedDelaySec": _use("schedule.jitter"),
    "RandomizedOffsetSec": _use("schedule.jitter"),
    "FixedRandomDelay": Refusal("the delay of a job never changes"),
    "DeferReactivation": _use("overlap"),
    "RemainAfterElapse": Refusal("`status` asks the timer after its last run"),
    "OnBootSec": _BOOT,
    "OnStartupSec": _BOOT,
    "OnActiveSec": _BY_APPLY,
    "OnUnitActiveSec": _BY_APPLY,
    "OnUnitInactiveSec": _BY_APPLY,
    "OnClockChange": _TIMES,
    "OnTimezoneChange": _TIMES,
    "Unit": Refusal("a timer starts its own job"),
}
"""Directives of [Timer] that are ours."""


_PATHS = "use the key `triggers`: [{path_changed: /srv/import}, {path_exists: /srv/ready}]"
_AT_ONCE = Refusal("`apply` could not tell whether it would start the job", _PATHS)

PATH: Mapping[str, Refusal] = {
    "PathChanged": Refusal("", _PATHS),
    "PathExists": Refusal("", _PATHS),
    "PathModified": Refusal("each write would start the job", _PATHS),
    "PathExistsGlob": _AT_ONCE,
    "DirectoryNotEmpty": _AT_ONCE,
    "Unit": Refusal("a trigger starts its own job"),
}
"""Directives of [Path] that are ours."""


def _check(directive: str, owned: Mapping[str, Refusal]) -> str:
    if not DIRECTIVE.fullmatch(directive):
        raise fault(
            f"{quoted(directive)} is not a name of a directive",
            fix="write it as systemd does, such as ReadWritePaths",
        )
    instead = owned.get(directive)
    if instead is None:
        return directive
    if not instead.why:
        raise fault(f"{directive}= is set by debvisor-timers", fix=instead.fix)
    raise fault(f"{directive}= cannot be set here: {instead.why}", fix=instead.fix)


def check_unit_directive(directive: str) -> str:
    """Return the name of a directive for [Unit] that is not one of ours."""
    return _check(directive, UNIT)


def check_service_directive(directive: str) -> str:
    """Return the name of a directive for [Service] that is not one of ours."""
    return _check(directive, SERVICE)


def check_timer_directive(directive: str) -> str:
    """Return the name of a directive for [Timer] that is not one of ours."""
    return _check(directive, TIMER)


def check_path_directive(directive: str) -> str:
    """Return the name of a directive for [Path] that is not one of ours."""
    return _check(directive, PATH)
