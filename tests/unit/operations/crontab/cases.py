# SPDX-License-Identifier: Apache-2.0
"""Case files: crontabs, most of them of Debian's packages, with what becomes of them beside.

NAME.crontab: its first line says where it is from, and the path that it has on a host.
NAME.yaml: the job file. NAME.notices: what is said, a line each: SEVERITY LINE:COLUMN MESSAGE.
"""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.jobs.crontab.translate import Home
from debvisor_timers.operations.crontab.importing import Imported, ImportWish, import_crontab
from debvisor_timers.operations.crontab.places import CronPlaces
from tests.unit.operations.world import World

FOLDER = Path(__file__).parents[3] / "cases" / "crontab"
CASES = sorted(FOLDER.glob("*.crontab"))


def home(user: str) -> Home | None:
    """Return the home of a user of Debian's, as its packages make it."""
    if user == "nosuchuser":
        return None
    of_system = {
        "root": "/root",
        "www-data": "/var/www",
        "list": "/var/list",
        "news": "/var/spool/news",
    }
    if user == "nobody":
        return Home(path="/nonexistent", exists=False)
    return Home(path=of_system.get(user, f"/home/{user}"))


def places(folder: Path) -> CronPlaces:
    """Return the places of a host whose files lie below `folder`."""
    return CronPlaces(root=folder, home=home)


def put(folder: Path, path: str, text: str, mode: int = 0o644) -> Path:
    """Write a file of that host; return its path there."""
    real = folder / path.lstrip("/")
    real.parent.mkdir(parents=True, exist_ok=True)
    real.write_text(text, encoding="utf-8")
    real.chmod(mode)
    return Path(path)


def import_case(case: Path, folder: Path) -> Imported:
    """Return what the crontab of a case becomes on a host of its own."""
    text = case.read_text(encoding="utf-8")
    path = put(folder, text.split("\n", 1)[0].rpartition(": ")[2], text)
    (folder / "srv/alice").mkdir(parents=True, exist_ok=True)  # a HOME of by-hand.crontab
    world = World(folder / "world")
    return import_crontab(world.host, ImportWish(file=path), places(folder))


def notices(imported: Imported) -> str:
    """Return what is said of the lines, as NAME.notices has it."""
    return "".join(
        f"{each.severity} {each.span.line}:{each.span.column} {each.message}\n"
        for each in imported.problems
    )


def expected(case: Path, suffix: str) -> str:
    """Return the text of a file beside a case, empty where there is none."""
    path = case.with_suffix(suffix)
    return path.read_text(encoding="utf-8") if path.exists() else ""
