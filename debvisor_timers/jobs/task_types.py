# SPDX-License-Identifier: Apache-2.0
"""What a task type is: its parameters, what is executed, and how its jobs run by default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict, model_validator

from debvisor_timers.jobs import arguments, parameters, values
from debvisor_timers.jobs.faults import did_you_mean, fault, quoted
from debvisor_timers.jobs.field import Model, Shown, key
from debvisor_timers.jobs.model import HowItRuns
from debvisor_timers.jobs.tasks import TaskConfig, TaskName, config_text, read_config
from debvisor_timers.jobs.translate import Complaint

HANDLER_PATTERN = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$"
PARAMETER_PATTERN = "^[A-Za-z0-9_-]+$"
_PACKAGE_PATTERN = "^[a-z0-9][a-z0-9+.-]+$"


def check_handler(name: str) -> str:
    """Return where a handler is: `package.module:function`."""
    if not re.fullmatch(HANDLER_PATTERN, name) or name.endswith("\n"):
        raise fault(
            f"{quoted(name)} does not name a Python function",
            fix="write it as package.module:function",
        )
    return name


def check_parameter(name: str) -> str:
    """Return the name of a parameter, as a policy can have it."""
    if not re.fullmatch(PARAMETER_PATTERN, name) or name.endswith("\n"):
        raise fault(
            f"{quoted(name)} is not a name of a parameter",
            fix="write letters, digits, `_` and `-`, as in target",
        )
    return name


def check_package(name: str) -> str:
    """Return the name of a Debian package."""
    if not re.fullmatch(_PACKAGE_PATTERN, name) or name.endswith("\n"):
        raise fault(f"{quoted(name)} is not a name of a Debian package", fix="as in qemu-utils")
    return name


Parameters = Annotated[
    dict[str, Any], BeforeValidator(read_config), Shown("JSON Schema", {"type": "object"})
]
Package = Annotated[
    str,
    Strict(),
    AfterValidator(check_package),
    Shown("package", {**values.ANY_TEXT, "pattern": _PACKAGE_PATTERN}),
]
ParameterName = Annotated[
    str,
    Strict(),
    AfterValidator(check_parameter),
    Shown("parameter", {**values.ANY_TEXT, "pattern": PARAMETER_PATTERN}),
]
Exec = Annotated[values.Command, AfterValidator(arguments.check_arguments)]


class TaskType(Model):
    """What the tasks of a type do, and what they are given."""

    summary: values.Line = key(
        "",
        help="What its tasks do, in a few words.",
        example="Snapshots of virtual machines",
        shown_default="nothing",
    )
    description: values.Text = key(
        "",
        help="What there is to know of it, in paragraphs.",
        example="A machine that is off is skipped.\n",
        shown_default="nothing",
    )
    aliases: tuple[TaskName, ...] = key(
        (),
        help="Further names of the type.",
        example=["create_snapshot"],
        shown_default="none",
    )
    exec_: Exec | None = key(
        None,
        alias="exec",
        help="A program and its arguments. `{name}` stands for the value of a parameter, within "
        "its argument: no shell reads it. An argument that is nothing but `{name}` becomes as many "
        "as a list has; one that names a parameter which is not given is left out. `{{` and `}}` "
        "are braces. A value that begins with - is refused where it would begin an argument, "
        "unless `--` stands before. Exactly one of `exec` and `handler` is wanted.",
        directive="ExecStart=",
        example=["/usr/bin/rsync", "-a", "--", "{source}", "{target}"],
        beside={
            "parameters": {
                "required": ["source", "target"],
                "properties": {"source": {"type": "string"}, "target": {"type": "string"}},
            }
        },
        shown_default="none",
    )
    handler: (
        Annotated[
            str,
            Strict(),
            AfterValidator(check_handler),
            Shown("package.module:function", {**values.ANY_TEXT, "pattern": HANDLER_PATTERN}),
        ]
        | None
    ) = key(
        None,
        help="The Python function that is called with the configuration of the task, in the job's "
        "own unit, as its user. It may be asynchronous.",
        directive="ExecStart=",
        example="backups:make_backup",
        shown_default="none",
    )
    path: tuple[values.AbsolutePath, ...] = key(
        (),
        help="Folders in which Python looks for the module of the handler before it looks in its "
        "own.",
        example=["/opt/tools"],
        shown_default="none",
    )
    parameters: Parameters | None = key(
        None,
        help="JSON Schema (2020-12) of the configuration. A job is checked with it, and a "
        "parameter that is not given has the `default` of its schema.",
        example={
            "additionalProperties": False,
            "required": ["vm_id"],
            "properties": {"vm_id": {"type": "string", "description": "The machine."}},
        },
        shown_default="anything",
    )
    closed: tuple[ParameterName, ...] = key(
        (),
        help="Parameters that only root may give another value than their default: what the task "
        "writes, reads, runs or connects to as its user. Others may where `policy` of config.yaml "
        "has `task.TYPE.PARAMETER` among its `directives`. Where a type of tasks.d lacks this key, "
        "all its parameters are closed in jobs that run as root, unless `task_types` of `policy` "
        "has its very name: write `closed: []` where none has to be.",
        example=["target"],
        beside={"parameters": {"properties": {"target": {"type": "string"}}}},
        shown_default="all, where a job runs as root",
    )
    defaults: HowItRuns = key(
        HowItRuns.model_construct(),
        help="Keys of jobs, for those of its jobs that do not have them; they go before the "
        "defaults of config.yaml.",
        example={"timeout": "30min", "sandbox": "standard", "retries": {"max": 2}},
        shown_default="nothing",
    )
    packages: tuple[Package, ...] = key(
        (),
        help="Debian packages that its tasks need. `check` and `apply` warn where one is missing.",
        example=["python3-libvirt"],
        shown_default="none",
    )
    example: TaskConfig | None = key(
        None,
        help="A configuration, as a job would have it.",
        example={"vm_id": "vm-123"},
        shown_default="none",
    )

    @model_validator(mode="after")
    def _does_one_thing(self) -> TaskType:
        if (self.exec_ is None) == (self.handler is None):
            has = "both exec and handler" if self.exec_ else "neither exec nor handler"
            raise fault(f"has {has}", fix="write one of them: what does the tasks of this type?")
        return self

    def wrong_in_itself(self) -> Iterator[Complaint]:
        """Yield what is wrong between its keys."""
        if self.parameters is not None:
            wrong = list(parameters.schema_complaints(self.parameters))
            yield from (_below("parameters", each) for each in wrong)
            if wrong:
                return
        names = list(parameters.properties_of(self.parameters or {}))
        yield from arguments.unknown_names(self.exec_ or (), names)
        yield from self._unknown_closed(names)
        if self.example is not None:
            yield from (_below("example", each) for each in self.wrong_in(self.example))

    def _unknown_closed(self, names: Sequence[str]) -> Iterator[Complaint]:
        for number, name in enumerate(self.closed):
            if name not in names:
                yield Complaint(
                    path=("closed", number),
                    message=f"there is no parameter {quoted(name)}{did_you_mean(name, names)}",
                    fix=f"declare it: parameters: {{properties: {{{name}: {{}}}}}}",
                )

    @property
    def says_closed(self) -> bool:
        """Return True where `closed` is written, be it empty."""
        return "closed" in self.model_fields_set

    def given_in(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Yield the parameters to which a configuration gives a value of its own."""
        plain = self.complete({})
        for name, value in config.items():
            if name not in plain or value != plain[name]:
                yield name

    def closed_in(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Yield those of them that are closed."""
        yield from (name for name in self.given_in(config) if name in self.closed)

    def wrong_in(self, config: Mapping[str, Any]) -> Iterator[Complaint]:
        """Yield what is wrong with the configuration of a task of this type; paths are below it."""
        if self.parameters is not None:
            yield from parameters.complaints_about(self.parameters, config)
        if self.exec_ is not None:
            yield from arguments.option_like(self.exec_, self.complete(config))
            yield from arguments.with_nul(self.exec_, self.complete(config))

    def complete(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with the defaults of the parameters that it lacks."""
        return parameters.with_defaults(self.parameters or {}, config)

    def command(self, name: str, config: Mapping[str, Any], program: str) -> tuple[str, ...]:
        """Return what a job with a task of this type executes.

        name: of the type, as the job has it. program: the path of the one that calls handlers.
        """
        if self.exec_ is not None:
            return arguments.arguments_of(self.exec_, self.complete(config))
        options = [f"--path={folder}" for folder in self.path]
        options += [f"--handler={self.handler}"]
        return (program, *options, name, config_text(self.complete(config)))


def _below(name: str, complaint: Complaint) -> Complaint:
    return replace(complaint, path=(name, *complaint.path))
