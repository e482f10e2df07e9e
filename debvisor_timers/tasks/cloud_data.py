# SPDX-License-Identifier: Apache-2.0
"""What cloud-init would pass over in silence: data without a header, and YAML that is none. Pure.

Source: cloud-init, user_data.py and handlers/__init__.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_string, policy
from typing import Any, Final

import yaml

CONFIG: Final = "#cloud-config"
ARCHIVE: Final = "#cloud-config-archive"
_PATCH = "#cloud-config-jsonp"
_HEADERS = (CONFIG, "#!", "#include", "#cloud-boothook", "#part-handler", "## template: jinja")
_MAIL = ("content-type:", "mime-version:", "from ", "from:")
_LOOKED_AT = 4096
"""So far cloud-init looks for the header MIME-Version; without it a mail is none to it."""
_TYPES = {"text/cloud-config": CONFIG, "text/cloud-config-archive": ARCHIVE}
_UNTOLD = ("text/plain", "text/x-not-multipart", "text/x-shellscript")
"""Types of parts whose first line tells what they are."""


def problems_of(file: str, text: str) -> Iterator[str]:
    """Yield what is wrong with a file of a seed, in words that follow its name."""
    if file != "user-data":
        yield from _problems_of_yaml(text, dict)
    elif text.lower().startswith(_MAIL):
        yield from _problems_of_mail(text)
    else:
        yield from _problems_of_part(text)


def _problems_of_part(text: str, kind: str = "") -> Iterator[str]:
    """Yield what is wrong with a text; kind: the header that it has by its type, empty for none."""
    if not kind and not text.startswith(_HEADERS):
        yield "has no header: cloud-init would ignore it"
    elif (kind or text).startswith(ARCHIVE):
        yield from _problems_of_archive(text)
    elif (kind or text).startswith(CONFIG) and not text.startswith(_PATCH):
        yield from _problems_of_yaml(text, dict)


def _problems_of_archive(text: str) -> Iterator[str]:
    yield from (several := list(_problems_of_yaml(text, list)))
    for number, entry in enumerate([] if several else yaml.safe_load(text) or [], 1):
        part: Any = entry if isinstance(entry, dict) else {"content": entry}
        content, kind = part.get("content"), part.get("type", "")
        if not isinstance(content, str) or not isinstance(kind, str):
            yield f"has a part {number} without content"
            continue
        # What has no header is cloud-config there.
        header = _TYPES.get(kind, "" if kind or content.startswith(_HEADERS) else CONFIG)
        if header or not kind:
            yield from (
                f"has a part {number} that {each}" for each in _problems_of_part(content, header)
            )


def _problems_of_mail(text: str) -> Iterator[str]:
    if "mime-version:" not in text[:_LOOKED_AT].lower():
        yield "has no header MIME-Version: cloud-init would not see its parts"
        return
    mail = message_from_string(text, policy=policy.default)
    if not mail.is_multipart() or mail.defects:
        why = f" ({type(mail.defects[0]).__name__})" if mail.defects else ""
        yield f"is no mail of several parts{why}"
        return
    leaves = (part for part in mail.walk() if not part.is_multipart())
    for number, part in enumerate(leaves, 1):
        kind = part.get_content_type()
        if kind in _TYPES or kind in _UNTOLD:
            found = _problems_of_part(part.get_content(), _TYPES.get(kind, ""))
            yield from (f"has a part {number} that {each}" for each in found)


def _problems_of_yaml(text: str, wanted: type) -> Iterator[str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # Not its words: they quote the line, which may hold a secret.
        mark = getattr(error, "problem_mark", None)
        yield f"is no YAML{f', at line {mark.line + 1}' if mark else ''}"
        return
    if found is not None and not isinstance(found, wanted):
        yield f"is no {'mapping' if wanted is dict else 'list'}"
