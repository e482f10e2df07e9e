# SPDX-License-Identifier: Apache-2.0
"""What a job is: frozen models whose fields are the table of keys."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import model_validator

from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key
from debvisor_timers.jobs.schedule import BootTrigger, Schedule
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


class Resources(Model):
    """The limits of a run."""

    memory_max: values.Memory | None = key(
        None,
        help="The most memory that a run can have; more, and the kernel kills it.",
        directive="MemoryMax=",
        example="1G",
        shown_default="no limit",
    )
    memory_high: values.Memory | None = key(
        None,
        help="The memory above which a run is slowed down.",
        directive="MemoryHigh=",
        example="75%",
        shown_default="no limit",
    )
    cpu_quota: values.Quota | None = key(
        None,
        help="The most CPU time that a run can have: 100% is one whole CPU.",
        directive="CPUQuota=",
        example="300%",
        shown_default="no limit",
    )
    tasks_max: values.Tasks | None = key(
        None,
        help="The most processes and threads that a run can have.",
        directive="TasksMax=",
        example=256,
        shown_default="the limit of systemd",
    )
    io_weight: values.Weight | None = key(
        None,
        help="The share of disk time, against other jobs of the same priority: 1 to 10000.",
        directive="IOWeight=",
        example=50,
        shown_default="100",
    )


class UnitDependency(Model):
    """A unit of the system that a job needs."""

    unit: values.UnitName = key(
        REQUIRED,
        help="A unit that is started before the job, and without which the job does not start.",
        directive="Requires=, After=",
        example="network-online.target",
    )


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


class HowItRuns(Model):
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
        help="How long a run may take. After that it gets SIGTERM, and SIGKILL when `stop_timeout` "
        "has passed too. A number alone means seconds; `infinity` sets no limit.",
        directive="TimeoutStartSec=",
        example="30min",
        shown_default="1h",
    )
    stop_timeout: values.Timespan = key(
        timedelta(seconds=90),
        help="How long a run may take to end after SIGTERM.",
        directive="TimeoutStopSec=",
        example="10s",
        shown_default="1min30s",
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
        Resources(),
        help="Limits for all processes of a run together.",
        example={"memory_max": "1G", "cpu_quota": "300%", "tasks_max": 256},
        shown_default="no limits",
    )
    depends_on: tuple[UnitDependency, ...] = key(
        (),
        help="Units of the system that the job needs.",
        directive="Requires=, After=",
        example=[{"unit": "libvirtd.service"}],
    )
    enabled: values.Flag = key(
        True,  # noqa: FBT003 - a default, not an argument
        help="Whether the schedule and the triggers count. A job that is not enabled is started "
        "by `run` alone.",
        example=False,
    )
    unit: UnitDirectives = key(
        UnitDirectives(),
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
    schedule: Annotated[Schedule | None, Shown("cron expression | mapping")] = key(
        None,
        help="When the job runs. A bare text is a cron expression; a mapping holds more.",
        directive="OnCalendar=",
        example="0 2 * * *",
        shown_default="never by itself",
    )
    triggers: tuple[BootTrigger, ...] = key(
        (),
        help="What starts the job besides its schedule, or instead of it.",
        directive="OnBootSec=",
        example=[{"boot": "5min"}],
    )
    command: values.Command | None = key(
        None,
        help="The program and its arguments, each exactly as written: no shell reads them. "
        "Exactly one of `command` and `script` is wanted.",
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
    input: values.Input | None = key(
        None,
        help="Text that the job reads from its standard input.",
        directive="StandardInputData=",
        example="yes\n",
        shown_default="no input",
    )

    @model_validator(mode="after")
    def _can_be_started(self) -> JobKeys:
        checks.check_one_program(command=self.command is not None, script=self.script is not None)
        checks.check_size(self.command or (), self.environment)
        return self


class Job(JobKeys):
    """A job: its keys, its id, and where it is written."""

    id: values.JobId
    source: Span

    @property
    def title(self) -> str:
        """Return the name, or the id of a job without a name."""
        return self.name or self.id
