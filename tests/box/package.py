# SPDX-License-Identifier: Apache-2.0
"""Building the .deb of this checkout with dpkg-buildpackage, in a layer of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.box import overlay
from tests.box.container import run_once
from tests.box.errors import BoxError
from tests.box.layers import Layer, layer_of_deb, make
from tests.box.places import CHECKOUT, cache, timed
from tests.box.recipes import BUILD, TEST, WEB
from tests.box.workplace import maker, workplace

# What no build reads: a change there must not cost a build.
_NOT_BUILT = ("tests", ".ci", ".git", ".gitignore", "Makefile", "constraints.txt")
_NEVER = ("__pycache__", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")

_BUILD = """
cd /build/source
export DEB_BUILD_OPTIONS=nocheck HOME=/build LC_ALL=C.UTF-8
dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes
"""


def build_deb(source: Path = CHECKOUT) -> Path:
    """Return the .deb of `source`, built now unless these very files were built before."""
    files = list(_built_files(source))
    name = f"deb-{_digest(source, files)}"
    folder = cache() / "debs" / name
    if not _deb(folder):
        make(BUILD)
        with workplace(name) as part:
            if not _deb(folder):
                _copy(source, files, part / "source")
                _build(name, part, folder)
    return _deb(folder)[0]


def web_deb(deb: Path) -> Path:
    """Return the second package, of the server, that was built with `deb`."""
    return deb.with_name(deb.name.replace("debvisor-timers_", "debvisor-timers-web_"))


def judge(deb: Path) -> None:
    """Let lintian judge `deb`, unless it has found this very file clean.

    Raises BoxError, with what it says, for an error or a warning.
    """
    clean = deb.with_name(f"lintian-clean-{deb.name}")
    if clean.exists():
        return
    make(BUILD)
    name = f"lintian-{deb.name.partition('_')[0]}-{deb.parent.name}"
    lintian = ["lintian", "--allow-root", "--display-info", "--pedantic"]
    with workplace(name) as part, overlay.mounted(BUILD.stack, part) as root, timed("lintian"):
        place = f"/run/box/{deb.name}"
        argv = [*lintian, "--fail-on=error,warning", place]
        run_once(maker(name), root, argv, binds={place: deb})
    clean.touch()


def installed_layer(parent: Layer = TEST) -> Layer:
    """Return the layer for tests with this checkout's package installed, making what is missing."""
    return make(layer_of_deb(build_deb(), parent=parent))


def web_layer(parent: Layer = WEB) -> Layer:
    """Return the layer for tests with both packages of this checkout installed."""
    deb = build_deb()
    return make(Layer(name="installed-web", parent=parent, debs=(deb, web_deb(deb))))


def _build(name: str, part: Path, folder: Path) -> None:
    with timed(f"building the package {name}"), overlay.mounted(BUILD.stack, part) as root:
        (root / "build").mkdir()
        shutil.move(part / "source", root / "build/source")
        run_once(maker(name), root, ["/bin/sh", "-ec", _BUILD])
        _keep(root / "build", folder)


def _keep(built: Path, folder: Path) -> None:
    debs = list(built.glob("*.deb"))
    if not debs:
        raise BoxError("dpkg-buildpackage made no .deb")
    folder.mkdir(parents=True, exist_ok=True)
    for deb in debs:
        part = folder / f".{deb.name}"
        shutil.copy(deb, part)
        part.rename(folder / deb.name)


def _deb(folder: Path) -> list[Path]:
    return sorted(folder.glob("debvisor-timers_*.deb"))


def _copy(source: Path, files: list[Path], target: Path) -> None:
    for file in files:
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / file, place, follow_symlinks=False)


def _digest(source: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(BUILD.key.encode())
    for file in files:
        path = source / file
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        mode = os.access(path, os.X_OK)
        digest.update(repr((str(file), mode, hashlib.sha256(content).digest())).encode())
    return digest.hexdigest()[:16]


def _built_files(source: Path) -> Iterator[Path]:
    for file in sorted(_files_of_git(source) or _files_of_folder(source)):
        path = source / file
        if file.parts[0] not in _NOT_BUILT and (path.is_symlink() or path.is_file()):
            yield file


def _files_of_git(source: Path) -> list[Path]:
    """Return what git has, and what is new and not ignored; empty where there is no git."""
    if not (source / ".git").exists() or not shutil.which("git"):
        return []
    argv = ["git", "-c", f"safe.directory={source}", "-C", str(source), "ls-files", "-coz"]
    done = subprocess.run([*argv, "--exclude-standard"], capture_output=True, check=True)
    return [Path(os.fsdecode(name)) for name in done.stdout.split(b"\0") if name]


def _files_of_folder(source: Path) -> list[Path]:
    names = (path.relative_to(source) for path in source.rglob("*"))
    return [name for name in names if not set(name.parts) & {*_NEVER, ".git"}]
