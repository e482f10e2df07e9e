# SPDX-License-Identifier: Apache-2.0
"""import crontab: what cron runs, as job files; prints nothing and disables nothing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from debvisor_timers.errors import UsageError
from debvisor_timers.jobs.crontab import folders, naming, write
from debvisor_timers.jobs.crontab.disabled import is_out
from debvisor_timers.jobs.crontab.parse import Crontab, Entry, parse_crontab
from debvisor_timers.jobs.crontab.translate import Draft, Surroundings, translate_crontab
from debvisor_timers.jobs.crontab.write import Node
from debvisor_timers.jobs.load import Definitions, load_definitions, load_files
from debvisor_timers.operations.applying.edits import FileEdit, check_edits, write_edits
from debvisor_timers.operations.crontab import places as reading
from debvisor_timers.operations.crontab.places import CronFile, CronPlaces
from debvisor_timers.operations.crontab.surroundings import (
    anacron_problems,
    default_problems,
    pam_problems,
)
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.source import Problem, Severity, Span

_WAIT = timedelta(seconds=30)
_FIRST_LINE = re.compile("# Imported from (.+) by: debvisor-timers import crontab\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWish:
    """What to import: a file, the system's crontabs, a user's, or (nothing named) all.

    user: whose crontab it is; with `file`, whose that file is.
    """

    file: Path | None = None
    system: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJob:
    """A job, and the line or the script that it stands for; text: that of the line."""

    job_id: str
    path: Path
    line: int = 0
    text: str = ""


class FileState(StrEnum):
    """What the job file of an import is to what lies in jobs.d already."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    EDITED = "edited"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A job file made of one crontab, or of a folder of scripts.

    source: where its jobs come from. target: the file in jobs.d. EDITED: somebody has changed that
    file, or written it; it is left alone. FOREIGN: it holds the jobs of another crontab, such as
    one of the same name in another folder; it is left alone as well. before: what is in target now.
    """

    source: Path
    target: Path
    text: str
    jobs: tuple[ImportedJob, ...]
    state: FileState
    before: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The files that an import makes, and all that is to be said about lines of crontabs."""

    files: tuple[ImportedFile, ...]
    problems: tuple[Problem, ...]

    @property
    def jobs(self) -> int:
        """Return how many jobs there are in all files."""
        return sum(len(file.jobs) for file in self.files)

    @property
    def has_errors(self) -> bool:
        """Return True where some line could not be carried over."""
        return any(problem.is_error for problem in self.problems)


@dataclass(slots=True)
class _Part:
    """A source on its way to a job file; origins: the line or the script of each draft.

    is_kept: an earlier job file stays, since cron does not run its lines and cannot read them now.
    """

    source: Path
    stem: str
    target: str
    drafts: list[Draft] = field(default_factory=list)
    origins: list[tuple[Path, int]] = field(default_factory=list)
    is_chain: bool = False
    is_kept: bool = False


def import_crontab(
    host: Host,
    wish: ImportWish,
    places: CronPlaces | None = None,
    taken: Callable[[Path], bool] = lambda _path: False,
) -> Imported:
    """Return what crontabs become; writes nothing. taken: scripts that jobs have taken over."""
    places = places or CronPlaces()
    found, problems = _sources(places, wish)
    parts: list[_Part] = []
    for file in found:
        made, said = _parts(places, file, taken, {part.target for part in parts})
        parts += made
        problems += said
    chains = {part.target for part in parts if part.is_chain}
    if chains and places.has_anacron():
        problems += anacron_problems(places, chains)
    if any(part.drafts for part in parts) and any(file.is_own for file in found):
        problems += pam_problems(places)
    if wish.file is None and not wish.user:
        of_users = set() if wish.system else {places.spool}
        problems += _gone(host, places, {Path("/etc/cron.d"), *of_users})
    there = load_definitions(host.layout.config)
    if any(part.drafts for part in parts):
        problems += default_problems(there.config, host.layout.config / "config.yaml")
    if "user" in there.config.defaults.model_fields_set:
        _write_root(parts)
    ids = _foreign_ids(there, host, parts)
    files = [
        _job_file(host, part, ids, problems)
        for part in parts
        if part.drafts or (not part.is_kept and _has(host, part))
    ]
    told = sorted(dict.fromkeys(problems), key=_order)
    return Imported(files=tuple(files), problems=tuple(told))


def write_files(host: Host, imported: Imported) -> Imported:
    """Write the job files that are new or changed, each whole or not at all."""
    edits = [
        FileEdit(path=file.target, before=file.before, after=file.text.encode())
        for file in imported.files
        if file.state in {FileState.NEW, FileState.CHANGED}
    ]
    if edits:
        with exclusive(host.layout.runtime, purpose="import crontab", wait=_WAIT):
            check_edits(edits)
            write_edits(edits)
    return imported


def _order(problem: Problem) -> tuple[str, int, int]:
    return str(problem.span.file), problem.span.line, problem.span.column


def _sources(places: CronPlaces, wish: ImportWish) -> tuple[list[CronFile], list[Problem]]:
    if wish.file is not None:
        if wish.system:
            raise UsageError("both a file and --system", fix="name one of them")
        return [reading.one_file(places, wish.file, wish.user)], []
    if wish.system and wish.user:
        raise UsageError("both --system and --user", fix="name none of them for all crontabs")
    if wish.user:
        return reading.user_crontabs(places, wish.user)
    files, problems = reading.system_crontabs(places)
    if not wish.system:
        of_users, more = reading.user_crontabs(places)
        files, problems = [*files, *of_users], [*problems, *more]
    return files, problems


def _parts(
    places: CronPlaces, file: CronFile, taken: Callable[[Path], bool], done: set[str]
) -> tuple[list[_Part], list[Problem]]:
    """Return the parts that a crontab becomes: one of its own, and one for each folder it runs.

    done: folders that a line of another crontab runs; one more such line is a job of its own.
    """
    crontab = parse_crontab(file.text, path=file.path, owner=file.owner)
    knows = not (file.is_own and places.has_debians_cron())
    around = Surroundings(home=places.home, knows_zone=knows, lacks=places.lacks)
    own = _Part(source=file.path, stem=file.stem, target=file.target)
    parts = [own]
    translated = translate_crontab(crontab, around)
    problems = list(translated.problems)
    own.is_kept = not translated.drafts and any(map(is_out, file.text.split("\n")))
    for draft in translated.drafts:
        line = folders.folder_line(draft.entry) if not file.owner else None
        if line is None or line.folder in {*done, *(part.target for part in parts)}:
            own.drafts.append(draft)
            own.origins.append((file.path, draft.entry.line))
            continue
        made_up = line.by_anacron and places.has_anacron()
        part, said = _folder_part(places, draft, line.folder, taken, is_made_up=made_up)
        parts.append(part)
        problems += said
        if made_up and part.drafts:
            problems.append(_about_anacron(crontab, draft.entry, line.folder))
    return parts, problems


def _folder_part(
    places: CronPlaces,
    draft: Draft,
    folder: str,
    taken: Callable[[Path], bool],
    *,
    is_made_up: bool,
) -> tuple[_Part, list[Problem]]:
    path = Path("/etc") / folder
    part = _Part(source=path, stem=folder, target=folder, is_chain=True)
    problems: list[Problem] = []
    for script in reading.scripts(places, path, taken):
        problem = folders.script_problem(script)
        if problem is not None:
            problems.append(problem)
            continue
        part.drafts.append(folders.script_draft(draft, script, is_made_up=is_made_up))
        part.origins.append((script.path, 0))
    return part, problems


def _about_anacron(crontab: Crontab, entry: Entry, folder: str) -> Problem:
    said = (
        f"anacron runs {folder} on this host, at an hour of its own; its jobs have the time of "
        "this line, and catch_up: once makes up for one at which the host is off"
    )
    span = Span(file=crontab.path, line=entry.line, column=entry.columns[0])
    fix = "write another schedule into the job file if the hour matters"
    return Problem(
        span=span, message=said, fix=fix, severity=Severity.WARNING, source_line=entry.text
    )


def _gone(host: Host, places: CronPlaces, folders: set[Path]) -> list[Problem]:
    """Return a problem for each job file whose crontab in one of `folders` is there no more."""
    problems = []
    for file in sorted(host.layout.jobs.glob("cron*-*.yaml")):
        before = (_before(file) or b"").decode("utf-8", "replace")
        match = _FIRST_LINE.match(before)
        source = Path(match[1]) if match and write.is_as_written(before) else Path()
        if source.parent in folders and not places.at(source).exists():
            said = f"was imported from {source}, which is gone; its jobs go on"
            fix = f"if they are to go too: rm {file}, then debvisor-timers apply"
            span = Span(file=file)
            problems.append(Problem(span=span, message=said, fix=fix, severity=Severity.WARNING))
    return problems


def _write_root(parts: Iterable[_Part]) -> None:
    """Name root as the user of its jobs, which otherwise would have that of the defaults."""
    for part in parts:
        part.drafts = [
            replace(draft, keys={**draft.keys, "user": draft.entry.user}) for draft in part.drafts
        ]


def _foreign_ids(there: Definitions, host: Host, parts: Iterable[_Part]) -> set[str]:
    """Return the ids of the jobs in all other job files."""
    ours = {_target(host, part) for part in parts}
    return {job.id for job in there.jobs.values() if job.source.file not in ours}


def _target(host: Host, part: _Part) -> Path:
    return host.layout.jobs / f"{part.target}.yaml"


def _has(host: Host, part: _Part) -> bool:
    """Return True where an earlier import has made a file of a source that has no jobs now."""
    return _is_ours(_target(host, part))


def _is_ours(path: Path) -> bool:
    """Return True for a job file that an import has written and nobody has edited."""
    before = _before(path)
    return before is not None and write.is_as_written(before.decode("utf-8", "replace"))


def _job_file(host: Host, part: _Part, ids: set[str], problems: list[Problem]) -> ImportedFile:
    names = naming.job_ids(
        part.stem,
        [(draft.command, _identity(draft)) for draft in part.drafts],
        ids,
    )
    jobs = list(zip(names, part.drafts, part.origins, strict=True))
    text = _text(part, jobs)
    wrong = _faults(text, [name for name, _, _ in jobs], host)
    if wrong:
        for name, draft, (path, line) in jobs:
            if name in wrong:
                span = Span(file=path, line=line, column=1 if line else 0)
                said = f"no job can hold this: {wrong[name].key}: {wrong[name].message}"
                problems.append(
                    replace(
                        wrong[name], span=span, key="", message=said, source_line=draft.entry.text
                    )
                )
        jobs = [job for job in jobs if job[0] not in wrong]
        text = _text(part, jobs)
    target = _target(host, part)
    before = _before(target)
    return ImportedFile(
        source=part.source,
        target=target,
        text=text,
        jobs=tuple(
            ImportedJob(job_id=name, path=path, line=line, text=draft.entry.text if line else "")
            for name, draft, (path, line) in jobs
        ),
        state=_state(before, text, part),
        before=before,
    )


def _identity(draft: Draft) -> str:
    return "\0".join((draft.entry.schedule, draft.entry.user, draft.entry.raw, draft.command))


def _text(part: _Part, jobs: Sequence[tuple[str, Draft, tuple[Path, int]]]) -> str:
    title = (
        _first_line(part),
        "Another import follows the crontab; once somebody has edited this file, it is left alone.",
    )
    rows: list[tuple[Sequence[str], str, Mapping[str, Node]]] = []
    before = ""
    for name, draft, _ in jobs:
        keys = dict(draft.keys)
        if part.is_chain and before:
            keys["depends_on"] = [{"job": before, "type": "after", "wait": "1d"}]
        rows.append((draft.remarks, name, keys))
        before = name
    return write.job_file(title, rows)


def _faults(text: str, names: Sequence[str], host: Host) -> dict[str, Problem]:
    """Return what our own loader would refuse, by job: a value that no job can hold."""
    with tempfile.TemporaryDirectory(prefix="debvisor-import-") as folder:
        file = Path(folder) / "import.yaml"
        file.write_text(text, encoding="utf-8")
        found = load_files([file], config=host.layout.config)
    places = dict(enumerate(text.split("\n"), start=1))
    wrong: dict[str, Problem] = {}
    for problem in found.problems:
        if problem.is_error and problem.span.file == file:
            job = _job_at(places, problem.span.line, names)
            wrong.setdefault(job, problem)
    return wrong


def _job_at(lines: Mapping[int, str], number: int, names: Sequence[str]) -> str:
    known = {f"  {write.scalar(name)}:": name for name in names}
    for line in range(number, 0, -1):
        if lines[line] in known:
            return known[lines[line]]
    return ""


def _first_line(part: _Part) -> str:
    """Return what a job file says of the crontab that it was made of."""
    return f"Imported from {write.comment(str(part.source))} by: debvisor-timers import crontab"


def _state(before: bytes | None, text: str, part: _Part) -> FileState:
    if before is None:
        return FileState.NEW
    if before == text.encode():
        return FileState.UNCHANGED
    there = before.decode("utf-8", "replace")
    if not write.is_as_written(there):
        return FileState.EDITED
    is_same = there.startswith(f"# {_first_line(part)}\n")
    return FileState.CHANGED if is_same else FileState.FOREIGN


def _before(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, PermissionError):
        return None
