# SPDX-License-Identifier: Apache-2.0
"""GET /health: that the server answers, and which version it is; the only route without a token."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from debvisor_timers import __version__
from debvisor_timers.web.envelope import success

router = APIRouter(tags=["Health"])


@router.get("/health", summary="Health check", operation_id="health")
async def health() -> JSONResponse:
    """Return that the server answers, and its version; nothing of the host."""
    return success({"status": "healthy", "version": __version__, "api": "v1"})
