# SPDX-License-Identifier: Apache-2.0
"""`python3 -m tests.schema SCHEMATHESIS`: serve a host in memory, and let schemathesis ask it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn

from debvisor_timers.web.app import create_app
from debvisor_timers.web.edge.edge import Bounds
from debvisor_timers.web.identity.limits import Rate
from tests.unit.operations.world import TWO, World
from tests.unit.web.served import DirectBackend, RoleAuthenticator

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_UNBOUND = Bounds(requests=Rate(1e6, 1e6), changes=Rate(1e6, 1e6))
_STARTS_WITHIN = 30.0


def main(program: str, *more: str) -> int:
    """Return the exit status of schemathesis: 0 where it has found nothing."""
    with tempfile.TemporaryDirectory(prefix="schema-") as folder:
        world = World(Path(folder))
        world.apply(TWO)
        app = create_app(DirectBackend(world), RoleAuthenticator(), _UNBOUND)
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{_port(server)}/api/v1/openapi.json"
            argv = [program, "--config-file", str(_CONFIG), "run", url, *more]
            return subprocess.run(argv, check=False).returncode
        finally:
            server.should_exit = True
            thread.join(10)


def _port(server: uvicorn.Server) -> int:
    until = time.monotonic() + _STARTS_WITHIN
    while not server.started:
        if time.monotonic() > until:
            raise TimeoutError("the server has not started")
        time.sleep(0.05)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
