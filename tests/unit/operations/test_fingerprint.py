# SPDX-License-Identifier: Apache-2.0
"""The fingerprint: apply looks again after any change, and after none it does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from debvisor_timers.errors import DefinitionError, RefusedError
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.fingerprint import Fingerprint, FingerprintFile
from debvisor_timers.render.location import find_templates
from debvisor_timers.systemd.ports import FileEntry, LinkEntry
from tests.unit.operations.world import NIGHTLY, TWO, World

TIMER = "debvisor-job-nightly.timer"
LINK = f"{TARGET}.wants/{TIMER}"
SHIPPED = (find_templates() / "job.timer.j2").read_text(encoding="utf-8")


def looks_again(world: World) -> bool:
    """Return False when an apply is content with comparing digests."""
    try:
        return world.apply().plan is not None
    except (DefinitionError, RefusedError):
        return True


def edit_yaml(world: World) -> None:
    world.write(TWO.replace("0 2 * * *", "0 3 * * *"))


def remark_in_yaml(world: World) -> None:
    world.write(TWO + "# a remark\n")


def new_yaml(world: World) -> None:
    world.write("jobs: {}\n", "b.yaml")


def yaml_of_the_wrong_suffix(world: World) -> None:
    world.write(NIGHTLY, "b.yml")


def rename_yaml(world: World) -> None:
    (world.layout.jobs / "a.yaml").rename(world.layout.jobs / "b.yaml")


def remove_yaml(world: World) -> None:
    (world.layout.jobs / "a.yaml").unlink()


def yaml_of_everybody(world: World) -> None:
    (world.layout.jobs / "a.yaml").chmod(0o666)


def empty_yaml(world: World) -> None:
    world.write("")


def link_without_a_target(world: World) -> None:
    (world.layout.jobs / "b.yaml").symlink_to("/nowhere/at-all")


def configuration(world: World) -> None:
    (world.layout.config / "config.yaml").write_text("keep_generations: 7\n", encoding="utf-8")


def template(world: World) -> None:
    folder = world.layout.config / "templates"
    folder.mkdir()
    (folder / "job.timer.j2").write_text(SHIPPED, encoding="utf-8")


def edit_template(world: World) -> None:
    path = world.layout.config / "templates" / "job.timer.j2"
    path.write_text("{# a remark #}" + SHIPPED, encoding="utf-8")


def edit_unit(world: World) -> None:
    entry = world.units()[TIMER]
    assert isinstance(entry, FileEntry)
    world.systemd.units.write({TIMER: FileEntry(entry.text.replace("02:00", "03:00"))})


def remove_unit(world: World) -> None:
    world.systemd.units.write({TIMER: None})


def mask_unit(world: World) -> None:
    world.systemd.units.write({TIMER: LinkEntry("/dev/null")})


def remove_link(world: World) -> None:
    world.systemd.units.write({LINK: None})


def turn_link(world: World) -> None:
    world.systemd.units.write({LINK: LinkEntry("/dev/null")})


def unit_of_others(world: World) -> None:
    foreign = FileEntry("[Service]\nExecStart=/bin/true\n")
    world.systemd.units.write({"debvisor-job-other.service": foreign})


def remove_script(world: World) -> None:
    world.systemd.scripts.write(dict.fromkeys(world.systemd.scripts.read()))


def edit_script(world: World) -> None:
    (name,) = world.systemd.scripts.read()
    world.systemd.scripts.write({name: FileEntry("#!/bin/sh\nrm -rf /\n")})


def zone(world: World) -> None:
    world.systemd.state.zone = "Europe/Amsterdam"


def version(world: World) -> None:
    world.systemd.state.version = 258


def lost_fingerprint(world: World) -> None:
    (world.layout.state / "fingerprint.json").unlink()


def broken_fingerprint(world: World) -> None:
    (world.layout.state / "fingerprint.json").write_text('{"inputs": "x", "else": 1}')


CHANGES: list[Callable[[World], None]] = [
    edit_yaml,
    remark_in_yaml,
    new_yaml,
    yaml_of_the_wrong_suffix,
    rename_yaml,
    remove_yaml,
    empty_yaml,
    yaml_of_everybody,
    link_without_a_target,
    configuration,
    template,
    edit_unit,
    remove_unit,
    mask_unit,
    remove_link,
    turn_link,
    unit_of_others,
    remove_script,
    edit_script,
    zone,
    version,
    lost_fingerprint,
    broken_fingerprint,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_any_change_makes_apply_look_again(world: World, change: Callable[[World], None]) -> None:
    world.apply(TWO)
    assert not looks_again(world)

    change(world)

    assert looks_again(world)


def test_an_edit_of_a_template_makes_apply_look_again(world: World) -> None:
    template(world)
    world.apply(TWO)
    assert not looks_again(world)

    edit_template(world)

    assert looks_again(world)


def test_a_new_version_of_ours_makes_apply_look_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TWO)

    monkeypatch.setattr("debvisor_timers.operations.applying.fingerprint.__version__", "99.0")

    assert looks_again(world)


def test_files_that_were_merely_touched_do_not(world: World) -> None:
    configuration(world)
    template(world)
    world.apply(TWO)
    for path in world.layout.config.rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))

    assert not looks_again(world)


def test_a_file_that_was_written_anew_with_the_same_bytes_does_not(world: World) -> None:
    world.apply(TWO)
    (world.layout.jobs / "a.yaml").unlink()

    world.write(TWO)

    assert not looks_again(world)


def test_time_that_passes_does_not(world: World) -> None:
    world.apply(TWO)
    world.systemd.reboot()

    assert not looks_again(world)


def test_what_an_apply_left_after_a_refusal_is_looked_at_again(world: World) -> None:
    """A failed apply must not be taken for a good one by the next."""
    world.apply(TWO)
    world.write("jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")

    for _ in range(2):
        with pytest.raises(DefinitionError):
            world.apply()


def test_a_file_that_comes_while_apply_works_is_applied_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = world.systemd.manager.reload

    def write_meanwhile() -> None:
        world.write("jobs: {late: {schedule: '@daily', command: [/bin/true]}}\n", "b.yaml")
        reload()

    with monkeypatch.context() as patch:
        patch.setattr(world.systemd.manager, "reload", write_meanwhile)
        assert world.apply(TWO).created == 2

    assert world.apply().created == 1
    assert "debvisor-job-late.timer" in world.running()


def test_a_fingerprint_file_that_makes_no_sense_is_none(world: World) -> None:
    path = world.layout.state / "fingerprint.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")

    assert FingerprintFile(path).read() is None


def test_files_elsewhere_that_an_apply_has_read_count_too(world: World, tmp_path: Path) -> None:
    """A time zone whose law changes, for one."""
    zone = tmp_path / "zone"
    zone.write_text("as it was", encoding="utf-8")
    kept = Fingerprint.take(world.host).with_files([zone])
    file = FingerprintFile(tmp_path / "fingerprint.json")
    file.write(kept)
    assert file.read() == kept
    assert kept.matches(Fingerprint.take(world.host, kept.files))

    zone.write_text("another", encoding="utf-8")
    assert not kept.matches(Fingerprint.take(world.host, kept.files))


def test_an_apply_keeps_in_mind_the_zones_of_its_schedules(world: World) -> None:
    world.apply(TWO.replace("catch_up: once", "timezone: Europe/Berlin"))
    kept = FingerprintFile(world.layout.state / "fingerprint.json").read()
    assert kept is not None
    assert kept.files == ("/usr/share/zoneinfo/Europe/Berlin", "/usr/share/zoneinfo/UTC")


def test_an_apply_keeps_in_mind_the_zones_of_maintenance_windows(world: World) -> None:
    window = "{cron: '0 1 * * sun', duration: 4h, timezone: Asia/Tokyo}"
    config = f"maintenance_windows: [{window}]\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.apply(TWO)
    kept = FingerprintFile(world.layout.state / "fingerprint.json").read()
    assert kept is not None
    assert "/usr/share/zoneinfo/Asia/Tokyo" in kept.files


ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VEVENT
UID:1@test
DTSTART;VALUE=DATE:20261225
SUMMARY:A day off
END:VEVENT
END:VCALENDAR
"""


def test_an_edit_of_a_calendar_file_alone_makes_apply_look_again(world: World) -> None:
    calendar = world.layout.config / "holidays.ics"
    calendar.write_text(ICS, encoding="utf-8")
    config = f"calendars: {{holidays: {calendar}}}\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.apply(NIGHTLY.replace("catch_up: once", "exclude: [holidays]"))
    assert not looks_again(world)

    calendar.write_text(ICS.replace("1225", "1226"), encoding="utf-8")

    plan = world.apply().plan
    assert plan is not None
    assert plan.updated == ("nightly",)
