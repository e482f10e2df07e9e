# SPDX-License-Identifier: Apache-2.0
"""The keys that keep a job apart, and those that say on which host and when it makes sense."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, Strict

from debvisor_timers.jobs import checks, text, values
from debvisor_timers.jobs.faults import did_you_mean, fault, kind_of, quoted
from debvisor_timers.jobs.field import Model, Shown, key

CREDENTIAL_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$"
"""How the name of a credential looks: a file name, and no separator of systemd's in it."""
UMASK_PATTERN = "^[0-7]{1,4}$"
"""How a umask looks, for editors, which may read it as a number."""

_MOST_UMASK = 0o777

# Of systemd's prefixes: `|` (one of those so marked is enough), then `!` (the contrary).
_SIGNS = re.compile(r"\|?!?")
_PATH_PATTERN = r"^\|?!?/"
_COMPARISON = re.compile(r"(?:<=?|>=?|!?=)? *([0-9]{1,15}(?:\.[0-9]{1,3})?[KMGTPE]?)")
_WORD = re.compile(r"[A-Za-z0-9*?\[\]_.:=/+-][A-Za-z0-9*?\[\]_.:=/+, -]*")
_PRESSURE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?%(?:/(?:10sec|1min|5min))?")


# systemd 257 takes any other word without a complaint, and the condition is never met then.
# Source: systemd-detect-virt --list, systemd-analyze architectures; systemd.unit(5).
_VIRTUALIZATIONS = """
    yes no true false vm container private-users
    kvm amazon qemu bochs xen uml vmware oracle microsoft zvm parallels bhyve qnx acrn powervm
    apple sre google vm-other systemd-nspawn lxc-libvirt lxc openvz docker podman rkt wsl proot
    pouch container-other
"""
_ARCHITECTURES = """
    native alpha arc arc-be arm arm64 arm64-be arm-be cris ia64 loongarch64 m68k mips mips64
    mips64-le mips-le nios2 parisc parisc64 ppc ppc64 ppc64-le ppc-le riscv32 riscv64 s390 s390x
    sh sh64 sparc sparc64 tilegx x86 x86-64
"""


def read_umask(value: object) -> str:
    """Return a umask as four octal digits; in YAML written with or without quotes."""
    if not isinstance(value, str):
        raise fault(f"{kind_of(value)} is not a umask", fix='write octal digits: "0027"')
    digits = value.removeprefix("0o")
    if not re.fullmatch("[0-7]{1,5}", digits) or int(digits, 8) > _MOST_UMASK:
        raise fault(f"{quoted(value)} is not a umask", fix='write octal digits: "0027"')
    if digits != value:
        raise fault(f"{quoted(value)} is not a umask", fix=f'write "{int(digits, 8):04o}"')
    return f"{int(digits, 8):04o}"


def check_credential_name(name: str) -> str:
    """Return the name of a credential: what its file is called for the program."""
    if not re.fullmatch(CREDENTIAL_PATTERN, name):
        raise fault(
            f"{quoted(name)} is not a name of a credential",
            fix="use letters, digits, _ . and - (not first), as in a file name",
        )
    return name


def check_credential_path(path: str) -> str:
    """Return the path of a credential.

    systemd 257 hands it to the process that it starts as a word, and takes it apart again: with a
    space nothing of the unit can be started, not even `end`, and a backslash is lost.
    """
    text.check_path(path)
    wrong = re.search(r"[\s\\]", path)
    if wrong:
        what = "a backslash" if wrong[0] == "\\" else "a space"
        raise fault(
            f"holds {what}, with which systemd cannot load it",
            fix="rename the file",
            start=wrong.start(),
            length=1,
        )
    return path


def _check_path(value: str) -> str:
    text.check_path(_SIGNS.sub("", value, count=1))
    return value


def _check_word(value: str) -> str:
    text.check_line(value)
    if not _WORD.fullmatch(_SIGNS.sub("", value, count=1)):
        raise fault(
            f"{quoted(value)} is not a value that this condition can have",
            fix="systemd.unit(5), CONDITIONS AND ASSERTS, tells which there are",
        )
    return value


def _check_known(value: str, *, known: Sequence[str]) -> str:
    word = _SIGNS.sub("", value, count=1)
    if word not in known:
        raise fault(
            f"{quoted(word)} is not one that systemd knows{did_you_mean(word, known)}",
            fix=f"write one of {', '.join(known[:8])} ...; systemd.unit(5) has all of them",
        )
    return value


def _check_comparison(value: str) -> str:
    if not _COMPARISON.fullmatch(_SIGNS.sub("", value, count=1)):
        raise fault(f"{quoted(value)} is not a comparison", fix='write such as ">= 4" or "< 16G"')
    return value


def _check_pressure(value: str) -> str:
    if not _PRESSURE.fullmatch(_SIGNS.sub("", value, count=1)):
        raise fault(
            f"{quoted(value)} is not a share of time",
            fix="write such as 20% or 20%/1min; the spans are 10sec, 1min and 5min",
        )
    return value


def _shown(name: str, pattern: str, *types: str) -> Shown:
    one = {"type": list(types) or "string", "pattern": pattern}
    several = {"type": "array", "items": one, "minItems": 1}
    return Shown(f"{name} | list of them", {"anyOf": [one, several]})


def _check_some(given: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        raise fault("is an empty list", fix="remove the key")
    return given


Umask = Annotated[
    str,
    PlainValidator(read_umask),
    Shown("octal digits", {"type": ["string", "integer"], "pattern": UMASK_PATTERN}),
]
CredentialPath = Annotated[
    str,
    Strict(),
    AfterValidator(check_credential_path),
    Shown("path", {"type": "string", "pattern": r"^/[^\s\\]*$"}),
]
CredentialName = Annotated[str, Strict(), AfterValidator(check_credential_name), Shown("name")]
ConditionPath = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(_check_path)], ...],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("path", _PATH_PATTERN),
]
Virtualization = Annotated[
    tuple[
        Annotated[
            str, Strict(), AfterValidator(partial(_check_known, known=_VIRTUALIZATIONS.split()))
        ],
        ...,
    ],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("kind", r"^\|?!?[a-z]", "string", "boolean"),
]
Architecture = Annotated[
    tuple[
        Annotated[
            str, Strict(), AfterValidator(partial(_check_known, known=_ARCHITECTURES.split()))
        ],
        ...,
    ],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("architecture", r"^\|?!?[a-z]"),
]
ConditionWord = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(_check_word)], ...],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("text", r"^\|?!?[^|! ]"),
]
Comparison = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(_check_comparison)], ...],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("comparison", r"^\|?!?[<>!=]*[ 0-9]", "string", "number"),
]
Pressure = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(_check_pressure)], ...],
    BeforeValidator(checks.as_list),
    AfterValidator(_check_some),
    _shown("share of time", r"^\|?!?[0-9.]+%"),
]


def _path(directive: str, help_: str, example: object) -> Any:
    return key((), help=help_, directive=f"{directive}=", example=example, shown_default="nothing")


class Conditions(Model):
    """What has to hold for a job to run; else the run is skipped."""

    path_exists: ConditionPath = _path(
        "ConditionPathExists", "There is such a file or folder.", "!/run/maintenance"
    )
    path_exists_glob: ConditionPath = _path(
        "ConditionPathExistsGlob", "Something has a name like this.", "/srv/import/*.csv"
    )
    path_is_directory: ConditionPath = _path(
        "ConditionPathIsDirectory", "It is a folder.", "/srv/import"
    )
    path_is_symbolic_link: ConditionPath = _path(
        "ConditionPathIsSymbolicLink", "It is a symbolic link.", "/srv/current"
    )
    path_is_mount_point: ConditionPath = _path(
        "ConditionPathIsMountPoint", "Something is mounted there.", "/mnt/backup"
    )
    path_is_read_write: ConditionPath = _path(
        "ConditionPathIsReadWrite", "Its file system is mounted for writing.", "/mnt/backup"
    )
    path_is_encrypted: ConditionPath = _path(
        "ConditionPathIsEncrypted", "Its file system is on an encrypted disk.", "/srv"
    )
    directory_not_empty: ConditionPath = _path(
        "ConditionDirectoryNotEmpty", "The folder holds something.", "/srv/import"
    )
    file_not_empty: ConditionPath = _path(
        "ConditionFileNotEmpty", "The file is there and holds something.", "/etc/ceph/ceph.conf"
    )
    file_is_executable: ConditionPath = _path(
        "ConditionFileIsExecutable", "The file is there and is a program.", "/usr/bin/ceph"
    )
    ac_power: values.Flag | None = key(
        None,
        help="Whether the host has to be on mains power (true), or on battery (false).",
        directive="ConditionACPower=",
        example=True,
        shown_default="nothing",
    )
    virtualization: Virtualization = _path(
        "ConditionVirtualization",
        "The host is virtual: yes, no, vm, container, or a name such as kvm.",
        "no",
    )
    host: ConditionWord = _path(
        "ConditionHost", "The name of the host, with * and ?, or its machine id.", "hv-*"
    )
    architecture: Architecture = _path(
        "ConditionArchitecture", "The processor: x86-64, arm64, native and others.", "x86-64"
    )
    kernel_command_line: ConditionWord = _path(
        "ConditionKernelCommandLine",
        "The kernel was booted with this word, or with this NAME=VALUE.",
        "!rescue",
    )
    memory: Comparison = _path(
        "ConditionMemory", "The memory of the host; without a sign, at least so much.", ">= 16G"
    )
    cpus: Comparison = _path(
        "ConditionCPUs", "The processors that systemd may use; without a sign, at least.", ">= 4"
    )
    memory_pressure: Pressure = _path(
        "ConditionMemoryPressure",
        "The share of time that programs wait for memory is at most this, in 5 minutes or the span "
        "behind the slash.",
        "20%/1min",
    )
    cpu_pressure: Pressure = _path(
        "ConditionCPUPressure", "The same of waiting for the CPU.", "50%/1min"
    )
    io_pressure: Pressure = _path(
        "ConditionIOPressure", "The same of waiting for disks.", "30%/5min"
    )

    def directives(self) -> tuple[tuple[str, str], ...]:
        """Return (directive, value) for each condition, in the order of the keys."""
        return tuple(
            (_directive(name), value)
            for name in Conditions.model_fields
            for value in self._of(name)
        )

    def _of(self, name: str) -> tuple[str, ...]:
        value = getattr(self, name)
        if isinstance(value, bool):
            return ("true" if value else "false",)
        return value or ()


def _directive(name: str) -> str:
    extra: Any = Conditions.model_fields[name].json_schema_extra
    return str(extra["x-directive"]).removesuffix("=")


class IsolationKeys(Model):
    """The keys of a job that this module is about."""

    credentials: dict[CredentialName, CredentialPath] = key(
        {},
        help="Secrets, each under a name: the path of a file that root alone can read, or of a "
        "folder of such. The program finds a copy as $CREDENTIALS_DIRECTORY/NAME; nobody but its "
        "user can read that, and it is gone after the run. A file that is missing is a failure of "
        "the run.",
        directive="LoadCredential=",
        example={"token": "/etc/creds/token"},
    )
    encrypted_credentials: dict[CredentialName, CredentialPath] = key(
        {},
        help="The same for files that `systemd-creds encrypt` has made; systemd decrypts them "
        "with the key of this host or its TPM. NAME has to be the name that they were encrypted "
        "for.",
        directive="LoadCredentialEncrypted=",
        example={"token": "/etc/creds/token.cred"},
    )
    umask: Umask = key(
        "",
        help="Which permissions new files of the job do not get, as octal digits.",
        directive="UMask=",
        example="0027",
        shown_default="0022",
    )
    private_network: values.Flag = key(
        False,  # noqa: FBT003 - a default, not an argument
        help="Whether the job is kept from the network: it has a loopback interface of its own "
        "alone. Sockets in the file system, such as libvirt's, can still be reached.",
        directive="PrivateNetwork=",
        example=True,
    )
    conditions: Conditions = key(
        Conditions.model_construct(),
        help="What has to hold for a run; all of them, or it is skipped, and that is no failure. "
        "systemd asks them before anything else of the run. ! before a value means the contrary; "
        "with | before several values, one of these is enough. A list writes one several times.",
        directive="",
        example={"path_is_mount_point": "/mnt/backup", "ac_power": True},
        shown_default="nothing",
    )


def check_credentials(plain: Mapping[str, str], encrypted: Collection[str]) -> None:
    """Raise when a name stands for two credentials: systemd would keep one of them."""
    if twice := sorted({*plain} & {*encrypted}):
        raise fault(
            f"has {quoted(twice[0])} in both credentials and encrypted_credentials",
            fix="remove one of them",
        )
