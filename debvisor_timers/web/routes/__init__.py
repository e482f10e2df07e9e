# SPDX-License-Identifier: Apache-2.0
"""The REST API: one module a theme, each with a `router`."""

from __future__ import annotations

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
"""Every router of the API, below /api/v1."""
