# SPDX-License-Identifier: Apache-2.0
"""Where packages come from: the mirror and the proxy that the host's own apt uses."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = "trixie"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CARRIED = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)", re.IGNORECASE)
# Programs of the host that find a proxy do not exist inside a layer.
_LEFT = re.compile(r"Proxy-Auto-Detect|AutoDetect", re.IGNORECASE)


def sources() -> list[str]:
    """Return the lines of sources.list for Debian 13 by the host's own mirrors.

    Empty when the host's lists are not downloaded or are not Debian's: mmdebstrap then takes its
    own default.
    """
    lines = [_source_line(*target) for target in _index_targets()]
    found = sorted({line for line in lines if line})
    return found if any(f" {SUITE} main" in line for line in found) else []


def options() -> list[str]:
    """Return the host's apt options that matter for reaching a mirror, as lines of apt.conf."""
    return [
        line
        for line in _output("apt-config", "dump").splitlines()
        if _CARRIED.match(line) and not _LEFT.search(line) and not line.endswith('"";')
    ]


def certificates(lines: Sequence[str]) -> list[Path]:
    """Return the files and folders of the host that the options name: certificates and keys."""
    quoted = re.findall(r'"(/[^"]+)"', "\n".join(lines))
    return [path for path in map(Path, quoted) if path.exists()]


def _index_targets() -> list[tuple[str, str, str]]:
    text = _output(
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Identifier: Packages",
    )
    fields = (line.split() for line in text.splitlines())
    return [(uri, release, part) for uri, release, part in (f for f in fields if len(f) == 3)]


def _source_line(uri: str, release: str, component: str) -> str:
    release_of_host, dash, pocket = release.partition("-")
    if component != "main" or release_of_host != _host_release() or "backports" in pocket:
        return ""
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"deb {signed}{uri} {SUITE}{dash}{pocket} main"


def _host_release() -> str:
    text = Path("/etc/os-release").read_text()
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return values.get("VERSION_CODENAME", "") if values.get("ID") == "debian" else ""


def _output(*argv: str) -> str:
    if not shutil.which(argv[0]):
        return ""
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
