# SPDX-License-Identifier: Apache-2.0
"""The server over a host in memory at a real socket, for clients that speak HTTP themselves."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

import uvicorn
from fastapi import FastAPI

_SECONDS = 10


class Serving:
    """`app` at a Unix socket, in a thread of its own, while the block lasts."""

    def __init__(self, app: FastAPI, path: Path) -> None:
        self.url = f"http+unix://{path}"
        config = uvicorn.Config(
            app, uds=str(path), log_config=None, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        end = time.monotonic() + _SECONDS
        while not self._server.started:
            assert self._thread.is_alive(), "the server has ended"
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(_SECONDS)
        assert not self._thread.is_alive(), "the server does not end"
