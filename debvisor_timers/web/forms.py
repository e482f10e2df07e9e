# SPDX-License-Identifier: Apache-2.0
"""Forms of the pages: read, and taken only from our own pages."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from debvisor_timers.errors import PermissionRefusedError, UsageError

_MOST_FIELDS = 100
_LARGEST = 1024 * 1024
"""The text of a job may be long."""


def form_token(request: Request) -> str:
    """Return what a form has to hold, so that no other site can send it; empty without a session.

    A browser adds a cookie to a request that another site has made it send; nothing else.
    """
    return str(getattr(request.state, "csrf", ""))


def fields_in(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form; of several by one name the last. Raises UsageError for none.

    Not too many: to take a million apart would keep all others waiting.
    """
    if len(body) > _LARGEST:
        raise UsageError("the form is too large", fix=f"send {_LARGEST} bytes at most")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise UsageError("this is no form", fix="send it from one of our pages") from error
    return dict(pairs)


async def checked_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form of ours; of several by one name the last.

    The token is compared where the caller was known by a cookie. Raises PermissionRefusedError for
    a form of another site, UsageError for one that is none.
    """
    fields = fields_in(await request.body())
    wanted = form_token(request)
    given = request.headers.get("x-csrf-token") or fields.get("csrf", "")
    if wanted and not compare_digest(wanted.encode(), given.encode()):
        raise PermissionRefusedError(
            "this form was made for another session, or by another site",
            fix="load the page again, and send it from there",
        )
    return fields


Form = Annotated[Mapping[str, str], Depends(checked_form)]


def own_address(text: str, otherwise: str = "/") -> str:
    """Return an address of ours to go on to; `otherwise` for one that leads elsewhere."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_ours and text.isprintable() and "\\" not in text else otherwise
