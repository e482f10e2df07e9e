# SPDX-License-Identifier: Apache-2.0
"""The index on the disk: missing, damaged, locked, full, cut off, not to be read: all answer."""

from __future__ import annotations

import grp
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history import index as index_module
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.index import Index
from debvisor_timers.history.reading import News, Place, ReadRun
from debvisor_timers.operations.past.past import open_past, synchronize
from tests.unit.operations.kept_runs import keep, nightly_runs
from tests.unit.operations.ran import Ran, days, ran
from tests.unit.operations.world import NIGHTLY, World

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes its user, and mounts")


@pytest.fixture
def world() -> Iterator[World]:
    """Return a host whose state others may look at, with three runs in its journal."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world = World(Path(folder))
        world.write(NIGHTLY)
        days(world, "nightly", "success", "exit-code", "success",
             start=datetime(2026, 11, 20, 2, tzinfo=UTC))  # fmt: skip
        yield world


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for another longer than a moment."""
    monkeypatch.setattr(index_module, "PATIENCE_SECONDS", 0.2)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user without rights and groups for a while."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


def look(world: World) -> tuple[list[str], tuple[str, ...]]:
    """Return how the runs ended, newest first, and what people are told."""
    with open_past(world.host) as past:
        return [str(run.outcome) for run in past.runs(RunFilter())], past.notes


def look_again(world: World) -> tuple[list[str], str]:
    """Return how the runs ended, if need be by the next command, and what was told."""
    try:
        runs, notes = look(world)
    except SystemdError as error:
        assert error.fix == "run the command again: it makes the index anew, from the journal"  # noqa: PT017
        runs, notes = look(world)
        return runs, error.message
    return runs, "".join(notes)


def kept(world: World) -> list[tuple[str, str]]:
    with closing(Index.upon(world.layout.index)) as index:
        return index.connection.execute("SELECT job, outcome FROM runs ORDER BY start").fetchall()


def damaged(world: World) -> list[str]:
    return sorted(path.name for path in world.layout.state.glob("*.damaged-*"))


RUNS = ["succeeded", "failed", "succeeded"]
ALL = [("nightly", outcome) for outcome in RUNS]


def test_who_may_write_fills_the_index_by_the_way(world: World) -> None:
    assert look(world) == (RUNS, ())
    assert kept(world) == ALL


@needs_root
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_the_index_is_for_root_and_the_group_whatever_the_umask(
    world: World, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = next(each for each in grp.getgrall() if each.gr_gid not in {0, NOBODY})
    monkeypatch.setattr(grp, "getgrnam", {"debvisor-timers": group}.__getitem__)
    before = os.umask(umask)
    try:
        look(world)
    finally:
        os.umask(before)

    status = world.layout.index.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, 0, group.gr_gid)


def test_an_index_that_others_may_read_is_theirs_no_longer(world: World) -> None:
    look(world)
    world.layout.index.chmod(0o666)
    look(world)
    assert world.layout.index.stat().st_mode & 0o777 == 0o640


@needs_root
def test_others_read_the_journal_beyond_the_index(world: World) -> None:
    look(world)
    world.layout.index.chmod(0o644)
    days(world, "nightly", "timeout", start=datetime(2026, 11, 23, 2, tzinfo=UTC))

    with as_nobody():
        found = look(world)

    assert found == (["timed_out", *RUNS], ())
    assert kept(world) == ALL


@needs_root
def test_others_are_told_that_they_may_not_read_the_index(world: World) -> None:
    look(world)
    world.systemd.state.records.clear()

    with as_nobody():
        runs, (note,) = look(world)

    assert runs == []
    assert note.startswith("older runs are missing: ")
    assert note.endswith("join the group: adduser USER debvisor-timers")


def test_a_user_who_may_not_read_the_journal_is_told_so(world: World) -> None:
    refused = PermissionRefusedError("this user may not read the journal", fix="join the group")
    world.systemd.steps.fail_on("journal.records", refused)
    with pytest.raises(PermissionRefusedError):
        look(world)


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    match how:
        case "garbage":
            path.write_bytes(os.urandom(len(data)))
        case "text":
            path.write_text("This is no index.\n" * 1000)
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "cut in a page":
            path.write_bytes(data[:5000])
        case "another version":
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA user_version = 99")
        case "no tables":
            path.unlink()
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript("CREATE TABLE other (a); PRAGMA user_version = 1;")


WAYS = ("garbage", "text", "truncated", "cut in a page", "another version", "no tables")


@pytest.mark.parametrize("how", WAYS)
def test_a_file_that_is_no_index_is_moved_aside_and_made_anew(world: World, how: str) -> None:
    look(world)
    spoil(world.layout.index, how)

    runs, (note,) = look(world)

    assert runs == RUNS
    assert "was unusable" in note
    assert "made anew; the old one is" in note
    assert len(damaged(world)) == 1
    assert look(world) == (RUNS, ())
    assert kept(world) == ALL


@needs_root
@pytest.mark.parametrize("how", WAYS)
def test_others_answer_without_an_index_that_is_none(world: World, how: str) -> None:
    look(world)
    spoil(world.layout.index, how)
    world.layout.index.chmod(0o644)

    with as_nobody():
        runs, (note,) = look(world)

    assert runs == RUNS
    assert note.startswith("older runs are missing: ")
    assert note.endswith("as root, debvisor-timers maintain mends it")
    assert damaged(world) == []


def test_only_a_few_files_are_kept_that_were_moved_aside(world: World) -> None:
    for _ in range(6):
        look(world)
        spoil(world.layout.index, "garbage")
        world.systemd.advance(timedelta(minutes=1))
    look(world)
    assert len(damaged(world)) == 3
    assert damaged(world)[0].endswith("T120107Z")


def old_runs(world: World) -> None:
    keep(world, nightly_runs([60.0] * 2000, first=datetime(2021, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("seed", range(8))
def test_bad_pages_that_a_query_finds_are_told_and_gone_with_the_next_command(
    world: World, seed: int
) -> None:
    """Bringing it up to date reads little of it."""
    old_runs(world)
    path = world.layout.index
    data = bytearray(path.read_bytes())
    noise = random.Random(seed)
    for page in range(1, len(data) // 4096):
        if page % 4 == seed % 4:
            data[page * 4096 : page * 4096 + 4096] = noise.randbytes(4096)
    path.write_bytes(data)

    runs, told = look_again(world)

    assert "is moved to" in told or "made anew" in told
    assert runs == RUNS
    assert len(damaged(world)) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("more", "{"), ("outcome", "perhaps"), ("start", 1 << 62), ("start", "x"), ("more", "[]")],
)
def test_a_row_of_nonsense_is_damage(world: World, column: str, value: object) -> None:
    look(world)
    with closing(sqlite3.connect(world.layout.index)) as connection:
        connection.execute(f"UPDATE runs SET {column} = ?", (value,))
        connection.commit()

    runs, told = look_again(world)

    assert "makes no sense" in told
    assert runs == RUNS
    assert len(damaged(world)) == 1


def test_a_mistake_of_ours_is_no_damage(world: World) -> None:
    """Else all that is older than the journal would be gone."""
    look(world)

    def mistake(index: Index) -> None:
        index.connection.execute("INSERT INTO boots VALUES ('x', NULL, NULL, NULL)")

    done = synchronize(world.host, then=mistake)

    assert not done.is_done
    assert "is not up to date: NOT NULL constraint failed" in done.notes[0]
    assert damaged(world) == []


def test_an_empty_file_is_an_index_that_was_never_filled(world: World) -> None:
    world.layout.state.mkdir()
    world.layout.index.touch()
    assert look(world) == (RUNS, ())


@pytest.mark.parametrize("what", ["folder", "dangling link"])
def test_what_cannot_be_written_there_is_told(world: World, what: str) -> None:
    if what == "folder":
        world.layout.index.mkdir(parents=True)
    else:
        world.layout.state.mkdir()
        world.layout.index.symlink_to("/nonexistent/folder/file")

    runs, notes = look(world)

    assert runs == RUNS
    assert "not up to date" in "".join(notes)


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_readers_answer_while_another_writer_does_not_end(
    world: World, impatient: None, lock: str
) -> None:
    look(world)
    days(world, "nightly", "timeout", start=datetime(2026, 11, 23, 2, tzinfo=UTC))
    with closing(sqlite3.connect(world.layout.index, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        began = time.monotonic()
        runs, notes = look(world)

    assert time.monotonic() - began < 5
    assert runs == ["timed_out", *RUNS]
    assert f"the index {world.layout.index} is not up to date: database is locked" in notes
    assert damaged(world) == []


def test_a_slow_reader_does_not_undo_what_is_written(world: World, impatient: None) -> None:
    look(world)
    days(world, "nightly", "timeout", start=datetime(2026, 11, 23, 2, tzinfo=UTC))
    with closing(Index.upon(world.layout.index)):
        done = synchronize(world.host)
    assert not done.is_done
    assert kept(world) == ALL
    assert synchronize(world.host).is_done
    assert len(kept(world)) == 4


def write_many(folder: Path, times: int) -> None:
    for _ in range(times):
        path = folder / "history.sqlite"
        with closing(Index.of_file(path)) as index:
            (count,) = index.connection.execute("SELECT count(*) FROM runs").fetchone()
            index.add(_a_night(count))
            index.commit()


def _a_night(number: int) -> News:
    (run,) = nightly_runs([1.0], first=datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=number))
    return News(
        boot="b",
        place=Place(),
        runs=[ReadRun(run=run, is_settled=True)],
        jobs=frozenset({"nightly"}),
    )


def test_two_writers_at_once_lose_nothing_and_write_nothing_twice(tmp_path: Path) -> None:
    several = [multiprocessing.Process(target=write_many, args=(tmp_path, 40)) for _ in range(3)]
    for each in several:
        each.start()
    for each in several:
        each.join(60)

    assert [each.exitcode for each in several] == [0, 0, 0]
    with closing(Index.upon(tmp_path / "history.sqlite")) as index:
        assert index.connection.execute("SELECT count(*) FROM runs").fetchone() == (120,)
        assert index.connection.execute("SELECT sum(runs) FROM sums").fetchone() == (120,)


FILL = """
import sys
from pathlib import Path
from tests.unit.history.journals import a_good_run, ListedJournal, numbered, source, sync
several = [a_good_run(300 * n, run=f"R{n}", invocation=f"{n:032x}") for n in range(400)]
journal = ListedJournal(several=numbered([record for run in several for record in run]))
print("ready", flush=True)
sync(Path(sys.argv[1]), source(journal), at_once=20)
print("done", flush=True)
"""


def fill(path: Path, *, kill_after: float | None = None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FILL, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        said = process.stdout.read()
    assert kill_after is not None or said == "done\n"


def test_a_writer_that_is_killed_at_any_time_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index"
    for step in range(8):
        fill(path, kill_after=0.02 * step)
    fill(path)

    with closing(Index.upon(path)) as index:
        found = index.connection.execute("SELECT id FROM runs ORDER BY position").fetchall()
        assert found == [(f"R{number}",) for number in range(400)]
        assert index.connection.execute("SELECT sum(runs) FROM sums").fetchone() == (400,)
        assert index.connection.execute("PRAGMA kept.integrity_check").fetchone() == ("ok",)


CUT_OFF = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("PRAGMA cache_spill = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET job = 'halfway-' || job, more = more || hex(randomblob(3000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def cut_off(world: World) -> Path:
    """Leave the index half-written, with the journal that undoes it."""
    old_runs(world)
    subprocess.run([sys.executable, "-c", CUT_OFF, str(world.layout.index)], check=False)
    left = world.layout.index.with_name("history.sqlite-journal")
    assert left.stat().st_size > 0
    return left


def test_what_a_killed_writer_left_half_written_is_undone(world: World) -> None:
    left = cut_off(world)
    runs, notes = look(world)
    assert (len(runs), notes) == (2003, ())
    assert not left.exists()
    assert {job for job, _ in kept(world)} == {"nightly"}


@needs_root
def test_others_do_not_believe_what_is_half_written(world: World) -> None:
    left = cut_off(world)
    world.layout.index.chmod(0o644)
    left.chmod(0o644)

    with as_nobody():
        runs, (note,) = look(world)

    assert runs == RUNS
    assert note.endswith("as root, debvisor-timers maintain mends it")
    assert left.exists()


def test_what_is_interrupted_goes_on_where_it_was(world: World) -> None:
    """Each part of the first reading is kept: Ctrl-C loses one of them."""
    boots = ["1" * 32, "2" * 32, "3" * 32]
    for number, boot in enumerate(boots):
        start = datetime(2026, 10, 1 + number, tzinfo=UTC)
        ran(world, "nightly", Ran(start=start, boot=boot))

    steps = []

    def interrupt(step: str) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synchronize(world.host, on_step=interrupt)
    assert len(kept(world)) == 2

    assert synchronize(world.host).is_done
    assert len(kept(world)) == 6


@needs_root
@pytest.mark.parametrize("size", ["64k", "256k"])
def test_a_full_disk_is_told_and_keeps_nobody_from_reading(world: World, size: str) -> None:
    world.layout.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(world.layout.state)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount here")
    try:
        start = datetime(2024, 1, 1, tzinfo=UTC)
        days(world, "nightly", *["success"] * 1000, start=start)
        runs, notes = look(world)
        assert len(runs) == 1003
        assert "is not up to date: database or disk is full" in "".join(notes)
        assert damaged(world) == []
        free = ["mount", "-o", "remount,size=20m", str(world.layout.state)]
        subprocess.run(free, check=True)
        runs, notes = look(world)
        assert (len(runs), notes) == (1003, ())
        subprocess.run(["mount", "-o", "remount,ro", str(world.layout.state)], check=True)
        days(world, "nightly", "timeout", start=datetime(2026, 11, 23, 2, tzinfo=UTC))
        runs, notes = look(world)
        assert (len(runs), notes) == (1004, ())
    finally:
        subprocess.run(["umount", str(world.layout.state)], check=True)
