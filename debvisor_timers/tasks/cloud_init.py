# SPDX-License-Identifier: Apache-2.0
"""cloud_init: seeds of NoCloud, which tell a new machine who it is."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from debvisor_timers.disk import sync_folder
from debvisor_timers.tasks.base import WRONG, TaskFailed, credential, run_tool
from debvisor_timers.tasks.cloud_data import problems_of

PROGRAM = "/usr/bin/xorriso"
VOLUME = "cidata"
"""By this name cloud-init finds the seed. Source: cloud-init, data source NoCloud."""

PARTS: Mapping[str, str] = {
    "user_data": "user-data",
    "meta_data": "meta-data",
    "network_config": "network-config",
    "vendor_data": "vendor-data",
}
"""The parameters that hold templates, and the files of the seed that they become."""

_META_DATA = "instance-id: {{ instance_id | tojson }}\nlocal-hostname: {{ hostname | tojson }}\n"
_SECTOR = 2048
_APPLICATION = slice(16 * _SECTOR + 574, 16 * _SECTOR + 574 + 128)
"""Where an image has the name of what made it. Source: ECMA-119, 8.4.22."""


def cloud_init(config: Mapping[str, Any]) -> dict[str, Any]:
    """Write the seed of each machine that is named; return what was written."""
    folder = Path(config["output"])
    if not folder.is_dir():
        raise TaskFailed(f"there is no folder {folder}", fix=f"mkdir {folder}", exit_status=WRONG)
    templates = {name: _template(config[name]) for name in PARTS if config.get(name)}
    names = [machine["name"] for machine in config["machines"]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TaskFailed(f"{', '.join(twice)}: named twice", exit_status=WRONG)
    # All are rendered before the first is written: one that is wrong changes nothing.
    seeds = {
        machine["name"]: seed(templates, {**config.get("values", {}), **machine})
        for machine in config["machines"]
    }
    outcomes = {name: _write(folder / f"{name}-seed.iso", files) for name, files in seeds.items()}
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome}")
    return {"machines": {name: {"outcome": each} for name, each in outcomes.items()}}


def _template(value: str) -> str:
    if not value.startswith("/"):
        return value
    try:
        return Path(value).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise TaskFailed(f"cannot read the template {value}: {error}", exit_status=WRONG) from error


def seed(templates: Mapping[str, str], machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a machine's seed, by name; raise TaskFailed for what cannot be.

    machine: what the templates can use: `name`, and whatever stands in the job.
    """
    values = {"hostname": machine["name"], **machine}
    values.setdefault("instance_id", values["name"])
    known = {"meta_data": _META_DATA, "user_data": "#cloud-config\n{}\n", **templates}
    files = {PARTS[name]: _rendered(name, text, values) for name, text in known.items() if text}
    _check(files, values["name"])
    return files


def _rendered(name: str, text: str, values: Mapping[str, Any]) -> str:
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.globals["credential"] = credential
    try:
        return environment.from_string(text).render(values)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TaskFailed(
            f"{name} of {values['name']}: {error}",
            fix="give the value in machines or values of the job",
            exit_status=WRONG,
        ) from error


def _check(files: Mapping[str, str], name: str) -> None:
    """Raise TaskFailed for what cloud-init would pass over in silence."""
    for file, text in files.items():
        if problem := next(problems_of(file, text), ""):
            raise TaskFailed(
                f"{file} of {name} {problem}",
                fix="begin user-data with #cloud-config, or #! for a script"
                if "has no header:" in problem
                else "",
                exit_status=WRONG,
            )


def _write(path: Path, files: Mapping[str, str]) -> str:
    """Write an image whole, unless the one that is there has the same in it."""
    mark = digest_of(files)
    if mark_of(path) == mark:
        return "unchanged"
    existed = path.exists()
    with tempfile.TemporaryDirectory(prefix=".debvisor-seed-", dir=path.parent) as folder:
        content = Path(folder) / "content"
        content.mkdir()
        for name, text in files.items():
            (content / name).write_text(text, encoding="utf-8")
        image = Path(folder) / "seed.iso"
        options = ["-as", "genisoimage", "-quiet", "-volid", VOLUME, "-joliet", "-rock"]
        options += ["-appid", mark, "-output", str(image)]
        run_tool([PROGRAM, *options, str(content)], package="xorriso")
        image.chmod(0o600)
        with image.open("rb") as file:
            os.fsync(file.fileno())
        image.replace(path)
        sync_folder(path.parent)
    return "updated" if existed else "created"


def digest_of(files: Mapping[str, str]) -> str:
    """Return a mark of what is in a seed."""
    text = "\0".join(f"{name}\0{files[name]}" for name in sorted(files))
    return f"DEBVISOR-TIMERS {hashlib.sha256(text.encode()).hexdigest()[:48].upper()}"


def mark_of(path: Path) -> str:
    """Return the mark of an image that is there, empty for none."""
    try:
        with path.open("rb") as file:
            return file.read(17 * _SECTOR)[_APPLICATION].decode("ascii", "replace").strip()
    except OSError:
        return ""
