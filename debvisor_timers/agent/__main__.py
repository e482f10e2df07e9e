# SPDX-License-Identifier: Apache-2.0
"""Starts the agent: what its service executes."""

from __future__ import annotations

import sys

from debvisor_timers.agent.preloaded import LOADED
from debvisor_timers.agent.serve import main

if __name__ == "__main__":
    assert LOADED  # noqa: S101 - it is imported for being there
    sys.exit(main())
