# SPDX-License-Identifier: Apache-2.0
"""The files of the pages, as they are in the package."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent / "static"


class PackageFiles(StaticFiles):
    """The files of the folder static; what is no path of a file is not there."""

    def __init__(self) -> None:
        """Serve the folder of this package."""
        super().__init__(directory=_FOLDER)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Return the file that `path` means; starlette 0.46 answers 500 where a NUL is in it."""
        try:
            return super().lookup_path(path)
        except ValueError:
            return "", None
