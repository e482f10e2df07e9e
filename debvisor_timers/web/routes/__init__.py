# SPDX-License-Identifier: Apache-2.0
"""The REST API: one module a theme, each with a `router`."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.routes import (
    description,
    health,
    holding,
    host,
    jobs,
    logs,
    past,
    running,
    several,
    tokens,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    description.router,
    jobs.router,
    running.router,
    past.router,
    logs.router,
    holding.router,
    host.router,
    several.router,
    tokens.router,
)
"""Every router of the API, below /api/v1."""
