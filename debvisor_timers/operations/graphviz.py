# SPDX-License-Identifier: Apache-2.0
"""Graphviz's `dot` as a program: DOT in, a picture or places out, and never for long."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from debvisor_timers.errors import RefusedError

PROGRAM = "dot"
SECONDS = 5
"""Some graphs of 500 jobs take dot a minute, and nobody knows beforehand which."""


def svg_of(text: str) -> str:
    """Return the SVG that dot makes of `text`, in DOT. Raises as `drawn` does."""
    return drawn(text, "svg")


def drawn(text: str, form: str) -> str:
    """Return what dot makes of `text`, in DOT; form: `svg`, or `plain` for places alone.

    Raises RefusedError when there is no dot, when it takes too long or when it fails; no process
    of it is left then.
    """
    dot = _started(form)
    try:
        out, err = dot.communicate(text.encode(), timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RefusedError(
            f"{PROGRAM} did not finish within {SECONDS} s",
            fix="use --dot and take your time, or name one JOB",
        ) from error
    finally:
        _end(dot)
    if dot.returncode:
        said = err.decode(errors="replace").strip() or _ending(dot.returncode)
        raise RefusedError(f"{PROGRAM} failed: {said}", fix="use --dot, or name one JOB")
    return out.decode()


def _started(form: str) -> subprocess.Popen[bytes]:
    """Start dot in a process group of its own, so that nothing that it has started survives."""
    try:
        return subprocess.Popen(
            [PROGRAM, f"-T{form}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise RefusedError(
            "Graphviz is not installed, which draws the SVG",
            fix="apt install graphviz; without it there are --dot and the tree",
        ) from error
    except OSError as error:
        raise RefusedError(f"cannot run {PROGRAM}: {error.strerror}", fix="use --dot") from error


def _end(dot: subprocess.Popen[bytes]) -> None:
    """Kill what is left of dot, also when Ctrl-C came, which does not reach its group."""
    with suppress(ProcessLookupError):
        os.killpg(dot.pid, signal.SIGKILL)
    dot.kill()
    for stream in (dot.stdin, dot.stdout, dot.stderr):
        if stream:
            with suppress(OSError):
                stream.close()
    dot.wait()


def _ending(code: int) -> str:
    return f"exit status {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
