# SPDX-License-Identifier: Apache-2.0
"""The agent over a world, asked without a socket."""

from __future__ import annotations

import json
from typing import Any

from debvisor_timers.agent.callers import Peer
from debvisor_timers.agent.service import Answerer
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.world import World

ROOT = Peer(pid=1, uid=0, groups=frozenset({0}))
SOMEBODY = Peer(pid=1, uid=65_533, groups=frozenset({65_533}))


def behalf(role: str, **more: str) -> dict[str, str]:
    """Return for whom the web server asks: alice with a role."""
    given = {"name": "alice", "role": role, "kind": "token", "address": "192.0.2.7"}
    return {**given, "request": "r-1", **more}


class Agent:
    """Answers calls of one caller, by a world."""

    def __init__(self, world: World, peer: Peer = ROOT) -> None:
        self.world = world
        self.told: list[str] = []
        self._answerer = Answerer(
            peer, lambda caller: Scheduler(world.host, caller, tell=self.told.append)
        )

    def say(self, message: object) -> dict[str, Any]:
        """Return the one answer to a message."""
        (answer,) = self._answerer.answers(json.dumps(message).encode())
        found: dict[str, Any] = json.loads(answer)
        return found

    def ask(self, method: str, **parameters: object) -> Any:
        """Return the result of a method that succeeds."""
        said = self.say({"method": f"io.debvisor.Timers.{method}", "parameters": parameters})
        assert "error" not in said, said
        return said["parameters"]["result"]

    def fail(self, method: str, **parameters: object) -> dict[str, Any]:
        """Return what the error of a method says, which fails."""
        said = self.say({"method": f"io.debvisor.Timers.{method}", "parameters": parameters})
        assert said["error"] == "io.debvisor.Timers.Failed", said
        found: dict[str, Any] = said["parameters"]
        return found
