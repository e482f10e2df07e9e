# SPDX-License-Identifier: Apache-2.0
"""The sandbox presets: directive by directive, for section [Service], with what each does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from debvisor_timers.jobs.model import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetDirective:
    """A directive of a preset, its value, and what it does, on one line without a full stop."""

    name: str
    value: str
    help: str

    @property
    def line(self) -> str:
        """Return it as a unit has it."""
        return f"{self.name}={self.value}"


def _rows(*rows: tuple[str, str, str]) -> tuple[PresetDirective, ...]:
    return tuple(PresetDirective(name=name, value=value, help=help_) for name, value, help_ in rows)


_STANDARD = _rows(
    ("NoNewPrivileges", "yes", "sudo, su and other setuid programs give no more rights"),
    ("ProtectSystem", "full", "/usr, /boot and /etc cannot be written"),
    ("ProtectHome", "yes", "/home, /root and /run/user are empty and cannot be written"),
    ("ProtectControlGroups", "yes", "/sys/fs/cgroup cannot be written"),
    ("ProtectKernelModules", "yes", "no kernel module can be loaded or removed"),
    ("ProtectHostname", "yes", "the host cannot be renamed"),
    ("RestrictRealtime", "yes", "no realtime scheduling, which could take all of the CPU"),
    ("LockPersonality", "yes", "no other execution domain of the kernel"),
    ("RestrictSUIDSGID", "yes", "no file can be made setuid or setgid"),
)
_STRICT = _rows(
    ("ProtectSystem", "strict", "nothing can be written but /dev, /proc, /sys and ReadWritePaths="),
    ("PrivateTmp", "yes", "/tmp and /var/tmp are its own, and gone after the run"),  # noqa: S108
    ("PrivateDevices", "yes", "no device but /dev/null and its kin"),
    ("ProtectProc", "invisible", "processes of other users cannot be seen (with `user` alone)"),
    ("ProtectKernelTunables", "yes", "/proc/sys, /sys and their kin cannot be written"),
    ("ProtectKernelLogs", "yes", "the log of the kernel cannot be read or written"),
    ("ProtectClock", "yes", "the clock cannot be set"),
    ("RestrictNamespaces", "yes", "no namespace can be made or entered: no containers"),
    (
        "RestrictAddressFamilies",
        "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "sockets of the host, TCP, UDP and netlink alone: no raw packets of the link layer",
    ),
    ("SystemCallArchitectures", "native", "no system calls of other architectures, 32 bits say"),
    (
        "SystemCallFilter",
        "@system-service",
        "the system calls of usual services alone: no mount, no reboot, no debugging",
    ),
    ("SystemCallErrorNumber", "EPERM", "any other is refused; the program is not killed for it"),
    (
        "CapabilityBoundingSet",
        (
            "~CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_SYS_BOOT CAP_SYS_PACCT CAP_NET_ADMIN CAP_BPF"
            " CAP_PERFMON CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_AUDIT_CONTROL"
        ),
        "root too has none of these rights, by which it could leave the sandbox",
    ),
)


EXPLAINED: Mapping[Sandbox, Sequence[PresetDirective]] = MappingProxyType(
    {
        Sandbox.NONE: (),
        Sandbox.STANDARD: _STANDARD,
        Sandbox.STRICT: tuple({row.name: row for row in (*_STANDARD, *_STRICT)}.values()),
    }
)
"""The directives of each preset; `strict` has all of `standard`, some with another value.

`standard` keeps mistakes off and breaks few programs: root could undo it, by mount(8) say.
`strict` holds for root as well. Both leave AF_UNIX alone: a run opens a stream to the journal.
"""

PRESETS: Mapping[Sandbox, Mapping[str, str]] = MappingProxyType(
    {
        preset: MappingProxyType({row.name: row.value for row in rows})
        for preset, rows in EXPLAINED.items()
    }
)
"""What each preset renders. A directive of `unit.Service` takes the place of the same one here."""
