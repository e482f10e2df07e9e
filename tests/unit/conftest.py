# SPDX-License-Identifier: Apache-2.0
"""Property tests: an example that takes long on a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("debvisor-timers", deadline=None)
settings.load_profile("debvisor-timers")
