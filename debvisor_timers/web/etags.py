# SPDX-License-Identifier: Apache-2.0
"""Entity tags: `"VERSION.STATE"`, so that a run in between does not look like a lost update.

VERSION is that of a job's file, which a change is compared with (If-Match); STATE is of all that an
answer has, which a reader is compared with (If-None-Match). To clients a tag has no parts.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated

from fastapi import Header, Request, Response

_TAG = re.compile(r'(?:W/)?"([^"]*)"')

IfMatch = Annotated[
    str | None,
    Header(
        max_length=2000,
        description="The ETag of the job as it was read: 412 where its file has changed since.",
    ),
]


def tag_of(version: str, *parts: bytes | str) -> str:
    """Return the tag of an answer that holds a job of that version, and the whole of `parts`."""
    digest = sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
    return f'"{version}.{digest.hexdigest()[:16]}"'


def is_known(request: Request, tag: str) -> bool:
    """Return True where the client has this answer already, as If-None-Match tells."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or tag.removeprefix("W/").strip('"') in _TAG.findall(asked)


def not_modified(tag: str) -> Response:
    """Return the answer for a client that has it already."""
    return Response(status_code=304, headers={"ETag": tag})


def versions_in(if_match: str) -> set[str]:
    """Return the versions that If-Match names; `*` among them for any."""
    if if_match.strip() == "*":
        return {"*"}
    return {tag.partition(".")[0] for tag in _TAG.findall(if_match)} or {if_match.strip()}
