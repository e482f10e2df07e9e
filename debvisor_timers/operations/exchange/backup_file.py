# SPDX-License-Identifier: Apache-2.0
"""The file of a backup: one JSON document with a version and a checksum."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard

from debvisor_timers.errors import RefusedError

FORMAT = "debvisor-timers-backup"
VERSION = 1
_LARGEST = 8 << 30
"""Unpacked: more than any index of runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Of which host a backup is; program: the version of debvisor-timers."""

    host: str
    zone: str
    systemd: int
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was on a host at a time: files by the names of `carried`.

    generation: that was applied last; 0 for none. history: the index of runs, where it was asked
    for.
    """

    created: datetime
    origin: Origin
    generation: int
    files: Mapping[str, bytes]
    history: bytes | None = None


def encode(backup: Backup) -> bytes:
    """Return a backup as the bytes of its file."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "created": backup.created.isoformat(),
        "host": {
            "name": backup.origin.host,
            "timezone": backup.origin.zone,
            "systemd": backup.origin.systemd,
            "debvisor_timers": backup.origin.program,
        },
        "generation": backup.generation,
        "files": {name: _packed(data) for name, data in sorted(backup.files.items())},
    }
    if backup.history is not None:
        packed = gzip.compress(backup.history, compresslevel=6, mtime=0)
        document["history"] = {"gzip": base64.b64encode(packed).decode()}
    document["sha256"] = _checksum(document)
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def is_backup(document: object) -> TypeGuard[Mapping[str, Any]]:
    """Return True for a document that says that it is a backup of ours."""
    return isinstance(document, dict) and document.get("format") == FORMAT


def decode(file: Path, document: Mapping[str, Any]) -> Backup:
    """Return the backup that is a document of ours.

    Raises RefusedError for one of a newer version, and for one that is not as it was written.
    """
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise RefusedError(
            f"{file} is a backup of version {version}; this program reads version {VERSION}",
            fix="install the version of debvisor-timers that has written it",
        )
    said = {name: value for name, value in document.items() if name != "sha256"}
    if version != VERSION or document.get("sha256") != _checksum(said):
        raise damaged(file, "it is not as it was written")
    try:
        return _decoded(document)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OSError,
        EOFError,
        zlib.error,
    ) as error:
        raise damaged(file, f"{type(error).__name__}: {error}") from error


def damaged(file: Path, reason: str) -> RefusedError:
    """Return the error for a file that cannot be a whole backup."""
    return RefusedError(f"{file} is damaged: {reason}", fix="take another backup")


def _decoded(document: Mapping[str, Any]) -> Backup:
    host = document["host"]
    history = document.get("history")
    return Backup(
        created=datetime.fromisoformat(document["created"]),
        origin=Origin(
            host=str(host["name"]),
            zone=str(host["timezone"]),
            systemd=int(host["systemd"]),
            program=str(host["debvisor_timers"]),
        ),
        generation=int(document["generation"]),
        files={name: _unpacked(each) for name, each in document["files"].items()},
        history=None if history is None else _unzipped(history["gzip"]),
    )


def _packed(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _unpacked(each: Mapping[str, str]) -> bytes:
    if "text" in each:
        return each["text"].encode()
    return base64.b64decode(each["base64"], validate=True)


def _unzipped(text: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(base64.b64decode(text, validate=True), _LARGEST)
    if not unpacker.eof:
        raise ValueError("the history is cut off")
    return data


def _checksum(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
