# SPDX-License-Identifier: Apache-2.0
"""The templates: ours, and those that the administrator put in their place."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined

from debvisor_timers.errors import PermissionRefusedError, RefusedError, RenderError
from debvisor_timers.render.escape import FILTERS, Escaped
from debvisor_timers.render.location import TEMPLATES, find_templates

__all__ = ["find_templates", "load_templates", "read_overrides"]


def load_templates(overrides: Path | None = None, *, shipped: Path | None = None) -> Environment:
    """Return the Jinja environment of our templates, single ones replaced from `overrides`.

    An output that went through none of our filters raises RenderError when it is rendered.
    Raises RefusedError when `overrides` or a template in it could have been written by anybody but
    root or the caller, or has a name that we never ask for.
    """
    environment = Environment(
        loader=ChoiceLoader(
            [
                DictLoader(read_overrides(overrides, TEMPLATES)),
                FileSystemLoader(shipped or find_templates()),
            ]
        ),
        autoescape=False,  # noqa: S701 -- unit files are no HTML: `finalize` demands our own filters
        undefined=StrictUndefined,
        finalize=_only_escaped,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters = dict(FILTERS)
    environment.globals = {}
    return environment


def _only_escaped(value: object) -> Escaped:
    if isinstance(value, Escaped):
        return value
    raise RenderError(
        f"a template puts {value!r} into a unit file as it is",
        fix=f"let it go through one of the filters: {', '.join(FILTERS)}",
    )


def read_overrides(folder: Path | None, known: Collection[str]) -> dict[str, str]:
    """Return the text of each template in a folder of the administrator, by name.

    known: the names that there are. Raises RefusedError as `load_templates` does.
    """
    if folder is None:
        return {}
    try:
        _refuse_unsafe(folder, folder.stat())
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".j2")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise PermissionRefusedError(
            f"{folder} cannot be read: permission denied",
            fix="run this as root, or as a member of the group debvisor-timers",
        ) from error
    return {path.name: _read_override(path, known) for path in paths}


def _read_override(path: Path, known: Collection[str]) -> str:
    if path.name not in known:
        raise RefusedError(
            f"{path} overrides nothing",
            fix=f"give it one of the names {', '.join(known)}, or remove it",
        )
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            # What is checked is what was opened: a link may change in between.
            _refuse_unsafe(path, os.fstat(file.fileno()))
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}", fix="repair or remove it") from error


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedError(
            f"{path} is writable by others: what they write would run as root",
            fix=f"chmod go-w {path}",
        )
    if status.st_uid not in {0, os.geteuid()}:
        raise RefusedError(
            f"{path} does not belong to root: its owner could make anything run as root",
            fix=f"chown root {path} && chmod go-w {path}",
        )
