# SPDX-License-Identifier: Apache-2.0
"""What a job is: frozen models whose fields are the table of keys."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import field_validator, model_validator

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.dependencies import Dependency
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import Model, Shown, key
from debvisor_timers.jobs.isolation import IsolationKeys, check_credentials
from debvisor_timers.jobs.locks import Conflict, Overlap, Pool
from debvisor_timers.jobs.notify import Notify
from debvisor_timers.jobs.pings import PingKey
from debvisor_timers.jobs.resources import Resources
from debvisor_timers.jobs.retries import Retries
from debvisor_timers.jobs.schedule import Schedule
from debvisor_timers.jobs.tasks import Task
from debvisor_timers.jobs.triggers import Trigger
from debvisor_timers.jobs.where import Where
from debvisor_timers.source import Span


class Priority(StrEnum):
    """Who comes first where CPU, disk or memory are short."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Sandbox(StrEnum):
    """A preset of directives that keep a job away from what it does not need."""

    NONE = "none"
    STANDARD = "standard"
    STRICT = "strict"


class UnitDirectives(Model):
    """Any other directive of systemd, by section."""

    Unit: dict[values.UnitDirective, values.Directives] = key(
        {},
        help="Directives for section [Unit] of the service. A list writes a directive several "
        'times; "" resets it. What other keys set is refused here.',
        directive="any of systemd.unit(5)",
        example={"Wants": "network-online.target"},
    )
    Service: dict[values.ServiceDirective, values.Directives] = key(
        {},
        help="Directives for section [Service]. They take the place of the same directive of a "
        "sandbox preset or of the priority.",
        directive="any of systemd.service(5), systemd.exec(5), systemd.resource-control(5)",
        example={"ReadWritePaths": ["/var/lib/ceph", "/var/log/ceph"]},
    )
    Timer: dict[values.TimerDirective, values.Directives] = key(
        {},
        help="Directives for section [Timer].",
        directive="any of systemd.timer(5)",
        example={"WakeSystem": "true"},
    )
    Path: dict[values.PathDirective, values.Directives] = key(
        {},
        help="Directives for section [Path], of path triggers.",
        directive="any of systemd.path(5)",
        example={"TriggerLimitBurst": "200"},
    )

    @field_validator("Service")
    @classmethod
    def _no_time_out_is_a_success(
        cls, directives: dict[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        statuses = " ".join(directives.get("SuccessExitStatus", ())).split()
        if str(values.TIMED_OUT_STATUS) in statuses:
            raise fault(
                f"SuccessExitStatus={values.TIMED_OUT_STATUS} would make a success of a time-out",
                fix="let the program use another exit status",
            )
        return directives


class HowItRuns(IsolationKeys):
    """The keys that say how a job runs: those that `defaults` of config.yaml can hold too."""

    owner: values.Line = key(
        "",
        help="Whose job this is, for people; journalctl finds it as DEBVISOR_OWNER=.",
        directive="LogExtraFields=",
        example="admin",
        shown_default="nobody",
    )
    tags: dict[values.Tag, values.Line] = key(
        {},
        help="Names and values of your own choice; journalctl finds them as DEBVISOR_TAG=.",
        directive="LogExtraFields=",
        example={"environment": "production"},
    )
    priority: Priority = key(
        Priority.NORMAL,
        help="Who comes first where CPU, disk or memory are short. Virtual machines come before "
        "any job.",
        directive="Slice=, Nice=, IOSchedulingClass=, OOMScoreAdjust=",
        example="high",
    )
    user: values.User = key(
        "root", help="The user that the job runs as.", directive="User=", example="backup"
    )
    group: values.User = key(
        "",
        help="The group that the job runs as.",
        directive="Group=",
        example="backup",
        shown_default="the group of the user",
    )
    timeout: values.Timeout = key(
        timedelta(hours=1),
        help="How long an attempt may take; what it waits for before it begins is not counted. "
        "After that it gets SIGTERM, and SIGKILL when `stop_timeout` has passed too. A number "
        "alone means seconds; `infinity` sets no limit.",
        directive="TimeoutStartSec=",
        example="30min",
        shown_default="1h",
    )
    total_timeout: values.Timeout = key(
        None,
        help="How long all attempts of a run may take together, the delays between them included.",
        directive="X-TotalTimeout=",
        example="2h",
        shown_default="no limit",
    )
    stop_timeout: values.Timespan = key(
        timedelta(seconds=90),
        help="How long a run may take to end after SIGTERM.",
        directive="TimeoutStopSec=",
        example="10s",
        shown_default="1min30s",
    )
    retries: Retries = key(
        Retries.model_construct(),
        help="Further attempts of a run that failed. Its result is that of the last one.",
        directive="Restart=, X-Delays= and others",
        example={"max": 3, "delay": "60s"},
        shown_default="none",
    )
    shell: values.AbsolutePath = key(
        "/bin/sh", help="The program that runs `script`.", example="/bin/bash"
    )
    environment: dict[values.Variable, values.Text] = key(
        {},
        help="Environment variables, each value exactly as written.",
        directive="Environment=",
        example={"RESTIC_REPOSITORY": "/srv/backup"},
    )
    environment_files: tuple[values.OptionalPath, ...] = key(
        (),
        help="Files with lines NAME=value, read at each start. A leading - says: if it is there. "
        "Root alone may be able to change them. The variables of the linker and the C library "
        "(LD_PRELOAD, LD_LIBRARY_PATH, GLIBC_TUNABLES, LOCPATH and their kin) do not reach the "
        "program of a job with such files: set them in the command, by /usr/bin/env.",
        directive="EnvironmentFile=",
        example=["-/etc/default/backup"],
    )
    working_directory: values.HomePath = key(
        "",
        help="The folder that the job starts in; ~ is the home of the user.",
        directive="WorkingDirectory=",
        example="/srv/backup",
        shown_default="/",
    )
    sandbox: Sandbox = key(
        Sandbox.NONE,
        help="A preset of directives that keep the job away from what it does not need; see "
        "debvisor-timers-jobs(5), SANDBOX. Directives of `unit.Service` take the place of single "
        "ones.",
        directive="ProtectSystem=, NoNewPrivileges= and others",
        example="standard",
    )
    resources: Resources = key(
        Resources.model_construct(),
        help="Limits for all processes of a run together.",
        example={"memory_max": "1G", "cpu_quota": "300%", "tasks_max": 256},
        shown_default="no limits",
    )
    depends_on: Annotated[tuple[Dependency, ...], Shown("list of job ids or mappings")] = key(
        (),
        help="Other jobs, and units of the system, that the job needs. A bare text is a job that "
        "it requires.",
        directive="X-Requires=, X-Step=, X-After=, Requires=, After=",
        example=["quiesce", {"job": "report", "type": "after"}, {"unit": "libvirtd.service"}],
    )
    overlap: Overlap = key(
        Overlap.SKIP,
        help="What becomes of a time of the schedule that comes while the job still runs: `skip` "
        "leaves it out, and records that; `queue` runs the job once more when it has ended, "
        "however many came.",
        directive="DeferReactivation=",
        example="queue",
    )
    pool: Annotated[Pool | None, Shown("pool name | mapping")] = key(
        None,
        help="A share of what only so many jobs may use at once, see `pools` of config.yaml. A run "
        "waits until it has its slots, and keeps them until it ends, retries included.",
        directive="X-Pool=",
        example={"name": "backup", "slots": 2},
        shown_default="the pool `default`, where config.yaml has it",
    )
    where: Where = key(
        Where.model_construct(),
        help="The hosts on which the job runs, where several have the same jobs; elsewhere its "
        "runs are skipped, with the reason.",
        directive="X-WhereVm=, X-WhereHost=, X-Carry=",
        example={"vm_active": "vm-123"},
        shown_default="any host",
    )
    notify: Notify = key(
        Notify.model_construct(),
        help="Who is told of the job and its runs, by the names of `channels` of config.yaml.",
        example={"failure": ["ops"]},
        shown_default="nobody",
    )
    ping: PingKey | None = key(
        None,
        help="Addresses of HTTP that are told of each run, and raise an alarm when nothing comes, "
        "as those of healthchecks.io. A bare address stands for three: with /start when a run "
        "begins, as it is when one has succeeded, with /fail when one has failed. Neither a skip "
        "nor a stop by hand is told. `{job}` stands for the id of the job. An empty mapping is no "
        "address, whatever `pings` of config.yaml says.",
        example="https://hc-ping.com/0b7e1a52-6c1f-4d8e-9a55-3f6f0a2f7b11",
        directive="X-Notify=, OnSuccess=",
        shown_default="that of `pings` of config.yaml, if any",
    )
    enabled: values.Flag = key(
        True,  # noqa: FBT003 - a default, not an argument
        help="Whether the schedule and the triggers count. A job that is not enabled is started "
        "by `run` alone.",
        example=False,
    )
    unit: UnitDirectives = key(
        UnitDirectives.model_construct(),
        help="The way out: any other directive of systemd, by section. What other keys set is "
        "refused.",
        example={"Service": {"ReadWritePaths": "/var/lib/ceph"}},
        shown_default="nothing",
    )


class JobKeys(HowItRuns):
    """Every key of a job."""

    name: values.Line = key(
        "",
        help="What the job is called in lists and in the journal.",
        directive="Description=",
        example="Nightly snapshot of vm-123",
        shown_default="the id of the job",
    )
    description: values.Line = key(
        "", help="What the job is for, on one line.", example="Crash-consistent, kept for a week."
    )
    was: values.JobIds = key(
        (),
        help="The id that the job had before, or several: their runs become runs of this job, "
        "with its last result. The key may go once it has been applied.",
        example="nightly-snapshot",
        shown_default="none",
    )
    schedule: Annotated[Schedule | None, Shown("cron expression | mapping")] = key(
        None,
        help="When the job runs. A bare text is a cron expression; a mapping holds more.",
        directive="OnCalendar=",
        example="0 2 * * *",
        shown_default="never by itself",
    )
    triggers: tuple[Trigger, ...] = key(
        (),
        help="What starts the job besides its schedule, or instead of it. A job with neither is a "
        "step: it is started by `run`, and by jobs that require it.",
        directive="OnBootSec=, PathChanged=, PathExists=, X-SuccessOf= and others",
        example=[{"boot": "5min"}, {"success_of": ["backup", "verify"]}],
    )
    command: values.Command | None = key(
        None,
        help="The program and its arguments, each exactly as written: no shell reads them. "
        "Exactly one of `command`, `script` and `task` is wanted.",
        directive="ExecStart=",
        example=["/usr/sbin/zpool", "scrub", "tank"],
        shown_default="none",
    )
    script: values.Text | None = key(
        None,
        help="The text of a script, which `shell` runs.",
        directive="ExecStart=",
        example="set -e\nzpool scrub tank\n",
        shown_default="none",
    )
    task: Task | None = key(
        None,
        help="What the job does, as a task of a type, which Python code does. Exactly one of "
        "`command`, `script` and `task` is wanted.",
        directive="ExecStart=",
        example={"type": "vm_snapshot", "config": {"vm_id": "vm-123", "retention_days": 7}},
        shown_default="none",
    )
    input: values.Input | None = key(
        None,
        help="Text that the job reads from its standard input.",
        directive="StandardInputData=",
        example="yes\n",
        shown_default="no input",
    )

    conflicts_with: Annotated[tuple[Conflict, ...], Shown("list of job ids or mappings")] = key(
        (),
        help="Jobs that never run at the same time as this one. A bare text is a job whose end "
        "this one waits for.",
        directive="X-Conflict=",
        example=["zfs-scrub", {"job": "restore-test", "policy": "skip"}],
    )

    @model_validator(mode="after")
    def _can_be_started(self) -> JobKeys:
        checks.check_one_program(
            command=self.command is not None,
            script=self.script is not None,
            task=self.task is not None,
        )
        task = (self.task.config_text,) if self.task else ()
        checks.check_size(self.command or task, self.environment)
        check_credentials(self.credentials, self.encrypted_credentials)
        return self


class Job(JobKeys):
    """A job: its keys, its id, and where it is written."""

    id: values.JobId
    source: Span

    @property
    def is_step(self) -> bool:
        """Return True for a job that nothing starts but `run` and the jobs that require it."""
        return self.schedule is None and not self.triggers

    @property
    def boot_delays(self) -> tuple[timedelta, ...]:
        """Return how long after a boot the job starts, for each such trigger."""
        return tuple(trigger.boot for trigger in self.triggers if trigger.boot is not None)

    @property
    def changing_paths(self) -> tuple[str, ...]:
        """Return the paths whose changes start the job."""
        return tuple(one.path_changed for one in self.triggers if one.path_changed is not None)

    @property
    def awaited_paths(self) -> tuple[str, ...]:
        """Return the paths whose existence starts the job."""
        return tuple(one.path_exists for one in self.triggers if one.path_exists is not None)

    @property
    def watches_paths(self) -> bool:
        """Return True for a job with path triggers."""
        return bool(self.changing_paths or self.awaited_paths)

    @property
    def needed_units(self) -> tuple[str, ...]:
        """Return the units of the system that the job needs."""
        return tuple(one.unit for one in self.depends_on if one.unit is not None)

    @property
    def title(self) -> str:
        """Return the name, or the id of a job without a name."""
        return self.name or self.id
