# SPDX-License-Identifier: Apache-2.0
"""log_rotation: logrotate with a configuration of its own, and a state of its own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from debvisor_timers.tasks.base import WRONG, TaskFailed, job_id, try_tool

STATES = Path("/var/lib/debvisor-timers/logrotate")
"""A state for each job: when each log was rotated last."""

PROGRAM = "/usr/sbin/logrotate"

_ROTATING = re.compile(r"^rotating log (?P<log>.+), log->rotateCount is", re.MULTILINE)
_CONSIDERED = re.compile(r"^considering log (?P<log>.+)$", re.MULTILINE)


def log_rotation(config: Mapping[str, Any]) -> dict[str, Any]:
    """Rotate what a configuration of logrotate names; return what was looked at and rotated."""
    with _configuration(config) as path:
        done = try_tool(_command(config, path), package="logrotate")
    said = done.stderr
    result: dict[str, Any] = {
        "considered": _CONSIDERED.findall(said),
        "rotated": _ROTATING.findall(said),
        "dry_run": bool(config.get("dry_run")),
    }
    for log in result["rotated"]:
        print(f"{'would rotate' if result['dry_run'] else 'rotated'} {log}")
    print(f"{len(result['considered'])} logs considered, {len(result['rotated'])} rotated")
    errors = list(errors_in(said))
    if done.returncode or errors:
        words = "; ".join(errors) or f"logrotate ended with exit status {done.returncode}"
        raise TaskFailed(words, result={**result, "errors": errors})
    return result


def errors_in(said: str) -> Iterator[str]:
    """Yield what logrotate complains of; it passes over options that it does not know."""
    for line in said.splitlines():
        for word in ("error:", "warning:"):
            if line.startswith(word):
                yield line.removeprefix(word).strip()


def _command(config: Mapping[str, Any], path: Path) -> list[str]:
    STATES.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = config.get("state") or str(STATES / job_id())
    options = ["--debug"] if config.get("dry_run") else ["--verbose"]
    options += ["--force"] if config.get("force") else []
    return [PROGRAM, *options, f"--state={state}", "--", str(path)]


class _configuration:  # noqa: N801 - used like a function
    """The file that logrotate reads: the one that is named, or one of the text that is given."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        named = self._config.get("config_file")
        if named:
            path = Path(named)
            if not path.exists():
                raise TaskFailed(
                    f"there is no {path}", fix="correct config_file", exit_status=WRONG
                )
            return path
        # logrotate refuses a file that others can write.
        self._folder = tempfile.TemporaryDirectory(prefix="debvisor-logrotate-")
        path = Path(self._folder.name) / "inline"
        path.touch(mode=0o600)
        path.write_text(self._config["inline"], encoding="utf-8")
        return path

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()
