# SPDX-License-Identifier: Apache-2.0
"""import crontab on a host in memory: which files, which ids, what a second import does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.crontab.importing import FileState, Imported, ImportWish
from debvisor_timers.operations.crontab.places import CronPlaces
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.crontab.cases import notices, places, put
from tests.unit.operations.world import World

CRONTAB = """\
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
17 *	* * *	root	cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
52 6	1 * *	root	test -x /usr/sbin/anacron || ( cd / && run-parts /etc/cron.monthly )
"""
ANACRONTAB = """\
1 5 cron.daily run-parts --report /etc/cron.daily
7 9 own own
@yearly 20 cron.yearly run-parts --report /etc/cron.yearly
@monthly 20 cron.monthly run-parts --report /etc/cron.monthly
"""
SYSSTAT = """\
PATH=/usr/libexec/sysstat:/usr/sbin:/usr/bin
# Activity reports.
5-55/10 * * * * root debian-sa1 1 1
59 23 * * * root debian-sa1 60 2
"""
IDLE = "#!/bin/sh\nif [ -d /run/systemd/system ]; then exit 0; fi\nrun\n"


@dataclass
class Cron:
    """A host with crontabs below a folder."""

    world: World
    folder: Path
    places: CronPlaces

    def put(self, path: str, text: str, mode: int = 0o644) -> Path:
        put(self.folder, path, text, mode)
        return self.folder / path.lstrip("/")

    @property
    def scheduler(self) -> Scheduler:
        return Scheduler(self.world.host, Caller(uid=0, user="root"), tell=print)

    def look(self, **wish: object) -> Imported:
        return self.scheduler.import_crontab(ImportWish(**wish), self.places)  # type: ignore[arg-type]

    def write(self, **wish: object) -> Imported:
        imported = self.look(**wish)
        self.scheduler.write_imported(imported)
        return imported

    def jobs(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.world.layout.jobs.iterdir()}


@pytest.fixture
def cron(tmp_path: Path) -> Cron:
    root = tmp_path / "root"
    return Cron(World(tmp_path / "world"), root, places(root))


def ids(imported: Imported) -> list[str]:
    return [job.job_id for file in imported.files for job in file.jobs]


def test_the_system_is_etc_crontab_cron_d_and_the_scripts_of_the_folders(cron: Cron) -> None:
    cron.put("/etc/crontab", CRONTAB)
    cron.put("/etc/cron.d/sysstat", SYSSTAT)
    cron.put("/etc/cron.daily/apt", "#!/bin/sh\napt\n", 0o755)
    cron.put("/etc/cron.daily/zlast", "#!/bin/sh\nlast\n", 0o755)
    cron.put("/etc/cron.monthly/report", "#!/bin/sh\nreport\n", 0o755)
    cron.put("/var/spool/cron/crontabs/alice", "* * * * * run\n")

    imported = cron.write(system=True)

    assert [file.target.name for file in imported.files] == [
        "cron.daily.yaml",
        "cron.monthly.yaml",
        "cron.d-sysstat.yaml",
    ]
    assert ids(imported)[:3] == ["cron-daily-apt", "cron-daily-zlast", "cron-monthly-report"]
    assert [each[: len("sysstat-debian-sa1-")] for each in ids(imported)[3:]] == [
        "sysstat-debian-sa1-",
        "sysstat-debian-sa1-",
    ]
    daily = cron.jobs()["cron.daily.yaml"].decode()
    assert 'schedule: "25 6 * * *"' in daily
    assert "command: [/etc/cron.daily/apt]" in daily
    assert "working_directory: /\n" in daily
    assert "depends_on: [{job: cron-daily-apt, type: after, wait: 1d}]" in daily
    assert "catch_up" not in daily


def test_what_anacron_runs_is_made_up_for(cron: Cron) -> None:
    cron.put("/etc/crontab", CRONTAB)
    cron.put("/usr/sbin/anacron", "", 0o755)
    cron.put("/etc/cron.daily/apt", "#!/bin/sh\napt\n", 0o755)
    cron.put("/etc/cron.hourly/mail", "#!/bin/sh\nmail\n", 0o755)
    cron.put("/etc/cron.yearly/report", "#!/bin/sh\nreport\n", 0o755)
    cron.put("/etc/anacrontab", ANACRONTAB)

    imported = cron.look(system=True)
    texts = {file.target.name: file.text for file in imported.files}

    assert 'schedule: {cron: "25 6 * * *", catch_up: once}' in texts["cron.daily.yaml"]
    assert 'schedule: "17 * * * *"' in texts["cron.hourly.yaml"]
    assert "warning 4:1 anacron runs cron.daily" in notices(imported)
    assert "error 2:1 anacron has no time of day for it" in notices(imported)
    assert "error 3:1 anacron has no time of day for it" in notices(imported)
    assert "error 4:1" not in notices(imported)


def test_what_run_parts_and_cron_pass_over_is_named(cron: Cron) -> None:
    cron.put("/etc/crontab", CRONTAB)
    cron.put("/etc/cron.daily/idle", IDLE, 0o755)
    cron.put("/etc/cron.daily/off", "#!/bin/sh\n", 0o644)
    cron.put("/etc/cron.daily/old.dpkg-old", "#!/bin/sh\n", 0o755)
    cron.put("/etc/cron.daily/.placeholder", "")
    cron.put("/etc/cron.d/local.bak", SYSSTAT)
    cron.put("/etc/cron.d/loose", SYSSTAT, 0o664)

    imported = cron.look(system=True)

    assert ids(imported) == []
    assert [(each.span.file.name, each.message[:35]) for each in imported.problems] == [
        ("local.bak", "cron passes over a name with other "),
        ("loose", "cron passes over it: others than ro"),
        ("idle", "does nothing where systemd runs (th"),
        ("off", "is not executable: run-parts passes"),
        ("old.dpkg-old", "run-parts passes over a name with o"),
    ]


def test_a_users_crontab_runs_as_the_user(cron: Cron) -> None:
    cron.put("/var/spool/cron/crontabs/alice", "A=1\n@daily run it\n")
    cron.put("/var/spool/cron/crontabs/bob", "@daily run it\n")

    imported = cron.look(user="alice")

    assert ids(imported) == ["alice-run"]
    assert imported.files[0].target.name == "crontab-alice.yaml"
    assert "user: alice" in imported.files[0].text
    assert ids(cron.look()) == ["alice-run", "bob-run"]
    with pytest.raises(NotFoundError, match="carol has no crontab"):
        cron.look(user="carol")


def test_a_users_crontab_that_debians_cron_passes_over_is_named(cron: Cron) -> None:
    cron.put("/var/lib/dpkg/info/cron.list", "")
    cron.put("/var/spool/cron/crontabs/alice", "* * * * * run\n", 0o644)
    cron.put("/var/spool/cron/crontabs/bob", "* * * * * run\n", 0o600)

    imported = cron.look()

    assert [str(file.source) for file in imported.files] == ["/var/spool/cron/crontabs/bob"]
    assert "cron passes over it: its mode is 0644, not 0600" in notices(imported)


def test_a_file_is_a_system_crontab_or_that_of_the_user_who_is_named(cron: Cron) -> None:
    path = cron.put("/srv/saved", "0 1 * * * run it\n")
    inside = Path("/") / path.relative_to(cron.folder)

    assert "there is no user" in notices(replace_home(cron).look(file=inside))
    assert ids(cron.look(file=inside, user="alice")) == ["alice-run"]
    with pytest.raises(UsageError, match="both a file and --system"):
        cron.look(file=inside, system=True)


def replace_home(cron: Cron) -> Cron:
    """Return a host on which root is the only user."""
    only = replace(
        cron.places, home=lambda user: cron.places.home(user) if user == "root" else None
    )
    return Cron(cron.world, cron.folder, only)


def test_a_second_import_changes_nothing(cron: Cron) -> None:
    cron.put("/etc/cron.d/sysstat", SYSSTAT)
    cron.write(system=True)
    before = cron.jobs()

    again = cron.write(system=True)

    assert [file.state for file in again.files] == [FileState.UNCHANGED]
    assert cron.jobs() == before


def test_ids_do_not_depend_on_other_lines(cron: Cron) -> None:
    cron.put("/etc/cron.d/sysstat", SYSSTAT)
    before = ids(cron.look(system=True))
    cron.put("/etc/cron.d/sysstat", "1 1 * * * root other\n1 2 * * * root debian-sa1\n" + SYSSTAT)

    assert set(before) < set(ids(cron.look(system=True)))


def test_an_import_follows_the_crontab_but_not_over_an_edit(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    cron.write(system=True)
    cron.put("/etc/cron.d/a", "*/2 * * * * root run\n")

    assert [file.state for file in cron.write(system=True).files] == [FileState.CHANGED]
    path = cron.world.layout.jobs / "cron.d-a.yaml"
    path.write_text(path.read_text("utf-8").replace("infinity", "1h"), encoding="utf-8")
    cron.put("/etc/cron.d/a", "*/3 * * * * root run\n")
    edited = path.read_bytes()

    assert [file.state for file in cron.write(system=True).files] == [FileState.EDITED]
    assert path.read_bytes() == edited


def test_an_edit_since_the_import_is_not_written_over(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = cron.look(system=True)
    cron.world.write("jobs: {}\n", "cron.d-a.yaml")

    with pytest.raises(RefusedError, match=r"cron\.d-a\.yaml"):
        cron.scheduler.write_imported(imported)

    assert cron.jobs() == {"cron.d-a.yaml": b"jobs: {}\n"}


def test_a_crontab_does_not_take_the_job_file_of_another_of_its_name(cron: Cron) -> None:
    cron.put("/var/spool/cron/crontabs/alice", "* * * * * run\n")
    cron.put("/srv/alice", "* * * * * root other\n")
    cron.write(user="alice")
    before = cron.jobs()

    (file,) = cron.write(file=Path("/srv/alice")).files

    assert file.state is FileState.FOREIGN
    assert cron.jobs() == before


def test_a_job_file_whose_crontab_is_gone_is_named(cron: Cron) -> None:
    path = cron.put("/etc/cron.d/a", "* * * * * root run\n")
    cron.write(system=True)
    path.unlink()

    (problem,) = cron.look(system=True).problems

    assert problem.span.file.name == "cron.d-a.yaml"
    assert problem.message == "was imported from /etc/cron.d/a, which is gone; its jobs go on"


def test_a_job_file_whose_user_has_no_crontab_any_more_is_named(cron: Cron) -> None:
    path = cron.put("/var/spool/cron/crontabs/alice", "* * * * * run\n")
    cron.write()
    path.unlink()

    assert "imported from /var/spool/cron/crontabs/alice, which is gone" in notices(cron.look())
    assert notices(cron.look(system=True)) == ""


def test_a_crontab_that_has_no_jobs_any_more_leaves_an_empty_job_file(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    cron.write(system=True)
    cron.put("/etc/cron.d/a", "# nothing\n")

    cron.write(system=True)

    assert cron.jobs()["cron.d-a.yaml"].endswith(b"\njobs: {}\n")


def test_a_jobs_id_that_is_taken_gets_a_digest(cron: Cron) -> None:
    cron.world.write("jobs: {a-run: {command: [/bin/true]}}\n", "mine.yaml")
    cron.put("/etc/cron.d/a", "* * * * * root run\n")

    (job_id,) = ids(cron.look(system=True))

    assert job_id.startswith("a-run-")


def test_cron_tz_is_a_variable_where_debians_cron_runs_the_line(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "CRON_TZ=Asia/Tokyo\n* * * * * root run\n")
    cron.put("/var/lib/dpkg/info/cron.list", "")

    text = cron.look(system=True).files[0].text

    assert "timezone" not in text
    assert "CRON_TZ: Asia/Tokyo" in text


def test_a_user_without_a_home_starts_where_cron_starts_it(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * nobody run\n")

    imported = cron.look(system=True)

    assert "working_directory: /var/spool/cron" in imported.files[0].text
    assert "HOME=/nonexistent is not there" in notices(imported)


def test_a_home_that_is_set_and_not_there_is_named(cron: Cron) -> None:
    (cron.folder / "srv").mkdir(parents=True)
    cron.put("/etc/cron.d/a", "HOME=/srv\n* * * * * root a\nHOME=/gone\n* * * * * root b\n")

    imported = cron.look(system=True)

    said = "HOME=/gone is not there: cron starts the line 4 in /var/spool/cron"
    assert notices(imported) == f"warning 3:1 {said}\n"
    assert "working_directory: /gone\n" in imported.files[0].text


def test_a_value_that_no_job_can_hold_is_said_at_its_line(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "A=x\x01\n* * * * * root run\nHOME=/ \\\n* * * * * root fine\n")

    imported = cron.look(system=True)

    errors = [problem for problem in imported.problems if problem.is_error]
    assert all(problem.span.line in {2, 4} for problem in errors)


def test_defaults_that_cron_does_not_know_are_named_and_root_stays_root(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    config = cron.world.layout.config / "config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        "defaults: {user: backup, timeout: 1h, umask: '0077', schedule: {timezone: Asia/Tokyo}}\n",
        encoding="utf-8",
    )

    imported = cron.write(system=True)

    assert [each.message.partition(" ")[0] for each in imported.problems] == [
        "defaults.umask",
        "defaults.schedule.timezone",
    ]
    assert load_definitions(cron.world.layout.config).jobs["a-run"].user == "root"


def test_a_user_with_a_nul_is_one_who_does_not_exist(tmp_path: Path) -> None:
    put(tmp_path, "/srv/a", "* * * * * ro\0ot run\n")
    cron = Cron(World(tmp_path / "world"), tmp_path, CronPlaces(root=tmp_path))

    imported = cron.look(file=Path("/srv/a"))

    assert "there is no user" in notices(imported)
    assert not ids(imported)


def test_bytes_that_are_no_utf_8_in_a_comment_do_no_harm(cron: Cron) -> None:
    path = cron.put("/etc/cron.d/a", "")
    path.write_bytes(b"# \xe9\xe9 run\n* * * * * root run\n")

    imported = cron.look(system=True)

    assert ids(imported) == ["a-run"]
    assert not imported.problems


def test_what_pam_gives_to_cron_alone_is_named(cron: Cron) -> None:
    cron.put("/etc/environment", "PATH=/bin\n# A=1\nHTTP_PROXY=http://proxy\n")
    cron.put("/etc/cron.d/a", "* * * * * root run\n")

    said = notices(cron.look(system=True))

    assert said == (
        "warning 3:1 by PAM, cron gives HTTP_PROXY to all that it runs; the jobs lack it\n"
    )


def test_a_folder_that_is_run_twice_becomes_jobs_once(cron: Cron) -> None:
    line = "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"
    cron.put("/etc/crontab", line + line.replace("17", "47"))
    cron.put("/etc/cron.hourly/big", "#!/bin/sh\n" + "#" * 2_000_000, 0o755)

    imported = cron.look(system=True)

    assert ids(imported) == ["crontab-run-parts", "cron-hourly-big"]


def test_a_folder_that_two_crontabs_run_loses_none_of_its_times(cron: Cron) -> None:
    line = "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"
    cron.put("/etc/crontab", line)
    cron.put("/etc/cron.d/more", line.replace("17", "47"))
    cron.put("/etc/cron.hourly/a", "#!/bin/sh\na\n", 0o755)

    imported = cron.look(system=True)

    assert sorted((file.target.name, len(file.jobs)) for file in imported.files) == [
        ("cron.d-more.yaml", 1),
        ("cron.hourly.yaml", 1),
    ]


# --- disabling ------------------------------------------------------------------------------


def applied(cron: Cron) -> Imported:
    """Write and apply what the system has."""
    imported = cron.write(system=True)
    cron.world.apply()
    return imported


def test_nothing_is_disabled_before_the_jobs_are_applied(cron: Cron) -> None:
    path = cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = cron.write(system=True)

    with pytest.raises(
        RefusedError, match=r"cron\.d-a\.yaml is not applied as /etc/cron\.d/a is now"
    ):
        cron.scheduler.disable_original(imported, cron.places)

    assert path.read_text("utf-8") == "* * * * * root run\n"


def test_nothing_is_disabled_while_a_timer_does_not_run(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = applied(cron)
    cron.world.host.manager.stop(["debvisor-job-a-run.timer"])

    with pytest.raises(RefusedError, match="nothing was disabled"):
        cron.scheduler.disable_original(imported, cron.places)


def test_nothing_is_disabled_that_was_changed_since_it_was_applied(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    applied(cron)
    cron.put("/etc/cron.d/a", "*/2 * * * * root run\n")

    for imported in (cron.look(system=True), cron.write(system=True), cron.look(system=True)):
        with pytest.raises(RefusedError, match="is not applied as"):
            cron.scheduler.disable_original(imported, cron.places)
    cron.world.apply()

    assert cron.scheduler.disable_original(cron.look(system=True), cron.places)


def test_nothing_is_disabled_while_a_timer_would_not_come_back_at_boot(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = applied(cron)
    cron.world.systemd.units.write({f"{TARGET}.wants/debvisor-job-a-run.timer": None})

    with pytest.raises(RefusedError, match="not enabled: a-run"):
        cron.scheduler.disable_original(imported, cron.places)


def test_no_other_line_is_commented_out_than_that_which_was_imported(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = applied(cron)
    path = cron.put("/etc/cron.d/a", "* * * * * root new\n* * * * * root run\n")

    with pytest.raises(RefusedError, match="its line 1 has changed since it was imported"):
        cron.scheduler.disable_original(imported, cron.places)

    assert path.read_text("utf-8") == "* * * * * root new\n* * * * * root run\n"


def test_what_lies_beside_a_crontab_is_not_followed(cron: Cron) -> None:
    path = cron.put("/etc/cron.d/a", "* * * * * root run\n")
    imported = applied(cron)
    other = cron.put("/srv/other", "other\n")
    (path.parent / ".a.debvisor-new").symlink_to(other)

    cron.scheduler.disable_original(imported, cron.places)

    assert other.read_text("utf-8") == "other\n"
    assert path.read_text("utf-8").startswith("#debvisor-timers has this")
    assert not path.is_symlink()


def test_a_job_file_that_somebody_has_edited_and_applied_will_do(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    applied(cron)
    path = cron.world.layout.jobs / "cron.d-a.yaml"
    path.write_text(path.read_text("utf-8").replace("infinity", "1h"), encoding="utf-8")
    cron.world.apply()

    assert cron.scheduler.disable_original(cron.look(system=True), cron.places)


def test_the_lines_of_applied_jobs_are_commented_out(cron: Cron) -> None:
    text = "# Kept.\nA=1\n* * * * * root run\n0 22-6 * * * root odd\n@reboot root boot\n"
    path = cron.put("/etc/cron.d/a", text)
    cron.put("/var/lib/dpkg/info/a:amd64.conffiles", "/etc/cron.d/a\n")
    imported = applied(cron)

    (done,) = cron.scheduler.disable_original(imported, cron.places)

    assert path.read_text("utf-8") == (
        "# Kept.\nA=1\n#debvisor-timers has this as a-run: * * * * * root run\n"
        "0 22-6 * * * root odd\n#debvisor-timers has this as a-boot: @reboot root boot\n"
    )
    assert done.backup.read_text("utf-8") == text
    assert (done.lines, done.package) == (2, "a")
    assert [path.name for path in (cron.folder / "etc/cron.d").iterdir()] == ["a"]


def test_after_disabling_an_import_still_gives_the_same_file(cron: Cron) -> None:
    cron.put("/etc/crontab", CRONTAB)
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    script = cron.put("/etc/cron.daily/apt", "#!/bin/sh\napt\n", 0o755)
    imported = applied(cron)
    before = cron.jobs()

    done = cron.scheduler.disable_original(imported, cron.places)
    again = cron.write(system=True)

    assert {str(each.path) for each in done} == {"/etc/cron.d/a", "/etc/cron.daily/apt"}
    assert script.stat().st_mode & 0o111 == 0
    assert {file.state for file in again.files} == {FileState.UNCHANGED}
    assert cron.jobs() == before
    assert cron.scheduler.disable_original(again, cron.places) == []


def test_a_mistake_in_a_disabled_crontab_does_not_take_its_jobs_away(cron: Cron) -> None:
    path = cron.put("/etc/cron.d/a", "* * * * * root run\n")
    cron.scheduler.disable_original(applied(cron), cron.places)
    before = cron.jobs()
    cron.put("/etc/cron.d/a", f"{path.read_text('utf-8')}mistake\n")

    imported = cron.write(system=True)

    assert imported.has_errors
    assert cron.jobs() == before


def test_a_script_that_was_disabled_and_upgraded_keeps_its_job(cron: Cron) -> None:
    cron.put("/etc/crontab", CRONTAB)
    cron.put("/etc/cron.daily/apt", "#!/bin/sh\napt\n", 0o755)
    cron.scheduler.disable_original(applied(cron), cron.places)
    cron.put("/etc/cron.daily/apt", "#!/bin/sh\nnewer\n", 0o644)

    again = cron.write(system=True)

    assert ids(again) == ["cron-daily-apt"]
    assert [file.state for file in again.files] == [FileState.UNCHANGED]


def test_disabling_that_was_cut_off_can_be_repeated(cron: Cron) -> None:
    cron.put("/etc/cron.d/a", "* * * * * root run\n")
    second = cron.put("/etc/cron.d/b", "* * * * * root run\n")
    imported = applied(cron)
    part = replace(imported, files=imported.files[:1])
    cron.scheduler.disable_original(part, cron.places)

    done = cron.scheduler.disable_original(cron.look(system=True), cron.places)

    assert [str(each.path) for each in done] == ["/etc/cron.d/b"]
    assert second.read_text("utf-8").startswith("#debvisor-timers has this as b-run: ")
