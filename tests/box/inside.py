# SPDX-License-Identifier: Apache-2.0
"""Running this checkout's pytest files inside a box, on Debian's own Python and packages."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tests.box.box import Box
from tests.box.container import Bind
from tests.box.layers import Layer
from tests.box.places import CHECKOUT

SOURCE = "/srv/debvisor-timers"
# The checkout is read-only there: whatever pytest and its plug-ins remember goes elsewhere.
_ENVIRONMENT = (
    "PYTHONDONTWRITEBYTECODE=1",
    "HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis",
)
_PYTEST = 'cd "$1"; shift; exec "$@"'


def boot_with_checkout(layer: Layer, *, hide_package: bool = True) -> Box:
    """Return a booted box that sees this checkout, read-only, at SOURCE.

    hide_package: put an empty folder over debvisor_timers/, so that only the installed one is
    found; False to try the checkout's own code without building a package.
    """
    box = Box(
        layer,
        binds=[Bind(source=CHECKOUT, target=SOURCE)],
        empty=[f"{SOURCE}/debvisor_timers"] if hide_package else [],
    )
    return box.started()


def pytest_in(box: Box, arguments: Sequence[str]) -> int:
    """Run pytest with `arguments` in a box of boot_with_checkout, on our terminal; its status."""
    ci = f"CI={os.environ.get('CI', '')}"
    pytest = ["env", ci, *_ENVIRONMENT, "python3", "-m", "pytest", "-p", "no:cacheprovider"]
    return box.shell(["/bin/sh", "-ec", _PYTEST, "sh", SOURCE, *pytest, *arguments])
