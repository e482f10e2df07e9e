# SPDX-License-Identifier: Apache-2.0
"""The host's Chromium in the network of a box: it sees what listens there on 127.0.0.1."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from tests.box import Box

# Each process of a browser would ask for a GPU, a keyring or the network's state otherwise.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


def launch(playwright: Playwright, box: Box, folder: Path) -> Browser:
    """Return a browser in the network namespace of `box`; `folder` is for its starter."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    starter = folder / "chromium-in-box"
    # The browser speaks with its driver by inherited pipes, which no namespace parts.
    enter = f"nsenter --target={box.leader} --net --"
    starter.write_text(f'#!/bin/sh\nexec {enter} {program} "$@"\n')
    starter.chmod(0o755)
    return playwright.chromium.launch(executable_path=starter, args=list(_OPTIONS))
