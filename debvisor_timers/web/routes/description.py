# SPDX-License-Identifier: Apache-2.0
"""What the API is, for programs: the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web import etags
from debvisor_timers.web.access import needs
from debvisor_timers.web.envelope import json_of
from debvisor_timers.web.principal import Principal

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi_document(
    request: Request, _who: Annotated[Principal, Depends(needs(Role.VIEWER))]
) -> Response:
    """Return the OpenAPI document as it is, without an envelope.

    It is written once: to write so much for each request would keep all others waiting.
    """
    state = request.app.state
    if not hasattr(state, "description"):
        written = json_of(request.app.openapi())
        state.description = written, etags.tag_of("", written)
    text, tag = state.description
    if etags.is_known(request, tag):
        return etags.not_modified(tag)
    return Response(text, media_type="application/json", headers={"ETag": tag})
