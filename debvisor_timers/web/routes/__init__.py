# SPDX-License-Identifier: Apache-2.0
"""The REST API: one module a theme, each with a `router`."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.routes import health, tokens

ROUTERS: tuple[APIRouter, ...] = (health.router, tokens.router)
"""Every router of the API, below /api/v1."""
