# SPDX-License-Identifier: Apache-2.0
"""The contract runs on the twin everywhere, and on the real systemd inside a box."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import inside_a_box
from tests.contract.rig import RealRig, Rig, TwinRig

REAL = pytest.param(RealRig, id="real")
TWIN = pytest.param(TwinRig, id="twin")


@pytest.fixture(params=[REAL, TWIN] if inside_a_box() else [TWIN])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A systemd without units of ours, and none left behind."""
    new: Rig = request.param()
    yield new
    new.clean()
