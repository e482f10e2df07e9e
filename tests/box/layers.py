# SPDX-License-Identifier: Apache-2.0
"""Layers of the file system: made once by apt, cached by what is in them, stacked by overlayfs."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.box import cgroup, mirror, overlay
from tests.box.container import dying_with_us, run_once
from tests.box.errors import BoxError
from tests.box.places import cache, say, timed
from tests.box.workplace import maker, workplace

_RECIPE = 2  # raise it when a layer of the same packages is to be made differently

_DPKG = """\
force-unsafe-io
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/debvisor-timers*
"""
_APT = 'APT::Install-Recommends "false";\nAPT::Install-Suggests "false";\n'
# Else every first boot does again what the packages' own scripts have done: 0.1 s each time.
_UPDATED = "\ntouch --reference=/usr /etc/.updated /var/.updated\n"
_KEPT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Packages upon a parent layer, then a shell script; the first one has no parent.

    debs: packages from the host's disk, installed by apt together with `packages`.
    """

    name: str
    packages: tuple[str, ...] = ()
    script: str = ""
    parent: Layer | None = None
    debs: tuple[Path, ...] = ()

    @property
    def key(self) -> str:
        """Return a name for exactly this content; the first layer is made anew every week."""
        week = "" if self.parent else datetime.now(UTC).strftime("%G-W%V")
        parts = [self.name, *self.packages, self.script, _DPKG, _APT, str(_RECIPE), week]
        parts += [self.parent.key if self.parent else mirror.SUITE]
        parts += [hashlib.sha256(deb.read_bytes()).hexdigest() for deb in self.debs]
        return f"{self.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"

    @property
    def path(self) -> Path:
        """Return the folder that holds this layer's own files."""
        return cache() / "layers" / self.key

    @property
    def stack(self) -> list[Path]:
        """Return the folders from this layer down to the first, as overlayfs wants them."""
        return [self.path, *(self.parent.stack if self.parent else [])]


def layer_of_deb(deb: Path, *, parent: Layer) -> Layer:
    """Return the layer in which the package `deb` is installed upon `parent`."""
    return Layer(name="installed", parent=parent, debs=(deb,))


def make(layer: Layer) -> Layer:
    """Make `layer` and those below it unless they are there, and return it.

    Safe against others who do the same, and against being killed: a layer is there or not at all.
    """
    if layer.parent:
        make(layer.parent)
    if not layer.path.exists():
        _forget_unused()
        with workplace(layer.key) as part:
            if not layer.path.exists():
                _make_now(layer, part)
    os.utime(layer.path)
    return layer


def clean() -> None:
    """Remove every cached layer and package."""
    shutil.rmtree(cache(), ignore_errors=True)


def _make_now(layer: Layer, part: Path) -> None:
    layer.path.parent.mkdir(exist_ok=True)
    with timed(f"making layer {layer.key}"):
        content = _upon_parent(layer, part) if layer.parent else _first(layer, part)
        content.rename(layer.path)


def _first(layer: Layer, part: Path) -> Path:
    root = part / "root"
    found = mirror.sources()
    if not (found and _mmdebstrap(layer, root, found)):
        if found:
            say("the host's mirrors did not serve it; trying mmdebstrap's default")
            shutil.rmtree(root, ignore_errors=True)
        if not _mmdebstrap(layer, root, []):
            raise BoxError("mmdebstrap failed (its words are above); is a Debian mirror reachable?")
    (root / "etc/dpkg/dpkg.cfg.d/box").write_text(_DPKG)
    (root / "etc/apt/apt.conf.d/99box").write_text(_APT)
    run_once(maker(layer.key), root, ["/bin/sh", "-ec", layer.script + _UPDATED])
    return root


def _mmdebstrap(layer: Layer, root: Path, found: Sequence[str]) -> bool:
    dpkg = [f"--dpkgopt={line}" for line in _DPKG.splitlines()]
    apt = [f"--aptopt={line}" for line in [*_APT.splitlines(), *mirror.options()]]
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=directory", *dpkg, *apt]
    argv += [f"--include={','.join(layer.packages)}"]
    argv += ['--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap']
    argv += [mirror.SUITE, str(root), *found]
    contained = cgroup.enter(maker(layer.key), dying_with_us(argv, signal.SIGTERM))
    return subprocess.run(contained, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _upon_parent(layer: Layer, part: Path) -> Path:
    assert layer.parent
    with overlay.mounted(layer.parent.stack, part) as root:
        names = [*layer.packages, *(f"/run/box/{deb.name}" for deb in layer.debs)]
        files = {f"/run/box/{deb.name}": deb for deb in layer.debs}
        with _apt_options(part) as (environment, binds):
            script = _install_script(names, update=bool(layer.packages)) + layer.script + _UPDATED
            run_once(
                maker(layer.key),
                root,
                ["/bin/sh", "-ec", script],
                binds={**files, **binds},
                environment=environment,
                network=True,
            )
    return part / "upper"


@contextmanager
def _apt_options(part: Path) -> Iterator[tuple[dict[str, str], dict[str, Path]]]:
    """Give apt the host's proxy for the time of one command, so that no layer keeps it."""
    lines = mirror.options()
    conf = part / "apt.conf"
    conf.touch(mode=0o600)
    conf.write_text("\n".join([*lines, ""]))
    binds = {str(path): path for path in mirror.certificates(lines)}
    binds |= {"/run/box/apt.conf": conf, "/etc/resolv.conf": Path("/etc/resolv.conf").resolve()}
    yield {"APT_CONFIG": "/run/box/apt.conf", "DEBIAN_FRONTEND": "noninteractive"}, binds


def _install_script(names: Sequence[str], *, update: bool) -> str:
    install = (
        f"apt-get install -qq --yes -o Dpkg::Use-Pty=0 {' '.join(names)} </dev/null >/dev/null"
    )
    # A package of ours whose Depends are all there needs no list: that saves some seconds.
    attempt = f"apt-get update -qq; {install}" if update else _with_lists_if_needed(install)
    return f"{attempt}\napt-get clean; rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin\n"


def _with_lists_if_needed(install: str) -> str:
    return f"{install} 2>/dev/null || {{ apt-get update -qq; {install}; }}"


def _forget_unused() -> None:
    """Remove layers that nobody has used for a week: each build of the package makes one."""
    now = datetime.now(UTC).timestamp()
    for path in (cache() / "layers").glob("[a-z]*"):
        if now - path.stat().st_mtime > _KEPT_DAYS * 86400:
            say(f"removing unused layer {path.name}")
            shutil.rmtree(path)
