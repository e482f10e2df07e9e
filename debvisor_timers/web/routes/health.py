# SPDX-License-Identifier: Apache-2.0
"""GET /health: that the server answers, and which version it is; the only route without a token."""

from __future__ import annotations

from fastapi import APIRouter, Response

from debvisor_timers import __version__
from debvisor_timers.web.envelope import success
from debvisor_timers.web.schemas.access import Health
from debvisor_timers.web.schemas.envelope import Envelope

router = APIRouter(tags=["health"])


@router.get("/health", summary="Health check", responses={200: {"model": Envelope[Health]}})
async def health() -> Response:
    """Return that the server answers, and its version; nothing of the host."""
    return success({"status": "healthy", "version": __version__, "api": "v1"})
