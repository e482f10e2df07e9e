# SPDX-License-Identifier: Apache-2.0
"""A call to a service of systemd over Varlink: JSON that ends with a zero, over a socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, SystemdError

_SECONDS = 10.0


def call(path: Path, method: str) -> None:
    """Call `method`, which takes and returns nothing, of the service at the socket `path`.

    Raises PermissionRefusedError where this user may not, SystemdError when there is no answer
    within ten seconds, or it says no.
    """
    request = json.dumps({"method": method, "parameters": {}}).encode() + b"\0"
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(path))
            connection.sendall(request)
            while not answer.endswith(b"\0"):
                part = connection.recv(65536)
                if not part:
                    raise SystemdError(f"{path} gave no answer to {method}")
                answer += part
        said = json.loads(answer[:-1])
    except PermissionError as error:
        raise PermissionRefusedError(
            f"this user may not call {method}", fix="run it as root"
        ) from error
    except (OSError, ValueError) as error:
        raise SystemdError(f"{path} does not answer {method}: {error}") from error
    if "error" in said:
        raise SystemdError(f"{method} failed: {said['error']}")
