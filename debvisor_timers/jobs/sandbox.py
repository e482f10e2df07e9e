# SPDX-License-Identifier: Apache-2.0
"""The sandbox presets: directive by directive, for section [Service]."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from debvisor_timers.jobs.model import Sandbox

_STANDARD = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "full",
    "ProtectHome": "yes",
    "RestrictRealtime": "yes",
    "LockPersonality": "yes",
    "RestrictSUIDSGID": "yes",
}
_STRICT = _STANDARD | {
    "ProtectSystem": "strict",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "ProtectClock": "yes",
    "ProtectHostname": "yes",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
}

PRESETS: Mapping[Sandbox, Mapping[str, str]] = MappingProxyType(
    {
        Sandbox.NONE: MappingProxyType({}),
        Sandbox.STANDARD: MappingProxyType(_STANDARD),
        Sandbox.STRICT: MappingProxyType(_STRICT),
    }
)
"""What each preset renders. A directive of `unit.Service` takes the place of the same one here.

No preset restricts address families: a run opens a stream to the journal over AF_UNIX.
"""
