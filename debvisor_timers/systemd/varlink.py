# SPDX-License-Identifier: Apache-2.0
"""A call to a service over Varlink: JSON that ends with a zero, over a socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debvisor_timers.errors import PermissionRefusedError, SystemdError

_SECONDS = 10.0


class VarlinkError(SystemdError):
    """A service has answered with an error: its name, and what it says of it."""

    def __init__(self, method: str, name: str, parameters: Mapping[str, Any]) -> None:
        """Keep the name of the error and its parameters."""
        super().__init__(f"{method} failed: {name}")
        self.name = name
        self.parameters = parameters


def call(
    path: Path,
    method: str,
    parameters: Mapping[str, object] | None = None,
    *,
    seconds: float | None = _SECONDS,
) -> Mapping[str, Any]:
    """Return what `method` of the service at the socket `path` answers.

    seconds: how long each part of the answer may take; None: as long as it takes. Raises
    PermissionRefusedError where this user may not, VarlinkError where it says no, SystemdError when
    there is no answer.
    """
    request = json.dumps({"method": method, "parameters": parameters or {}}).encode() + b"\0"
    parts: list[bytes] = []
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(path))
            connection.sendall(request)
            while not (parts and parts[-1].endswith(b"\0")):
                part = connection.recv(65536)
                if not part:
                    raise SystemdError(f"{path} gave no answer to {method}")
                parts.append(part)
        said = json.loads(b"".join(parts)[:-1])
    except PermissionError as error:
        raise PermissionRefusedError(
            f"this user may not call {method}", fix="run it as root"
        ) from error
    except (OSError, ValueError) as error:
        raise SystemdError(f"{path} does not answer {method}: {error}") from error
    if "error" in said:
        raise VarlinkError(method, said["error"], said.get("parameters") or {})
    found: Mapping[str, Any] = said.get("parameters") or {}
    return found
