# SPDX-License-Identifier: Apache-2.0
"""The REST API: one module a theme, each with a `router`."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.routes import (
    health,
    holding,
    host,
    jobs,
    past,
    running,
    several,
    tokens,
)

ROUTERS: tuple[APIRouter, ...] = (
    jobs.router,
    running.router,
    past.router,
    holding.router,
    host.router,
    several.router,
    tokens.router,
    health.router,
)
"""Every router of the API, below /api/v1."""
