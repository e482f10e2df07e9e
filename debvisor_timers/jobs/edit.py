# SPDX-License-Identifier: Apache-2.0
"""Edits of the text of a job file that leave every other line as it is."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from yaml.nodes import MappingNode

from debvisor_timers.errors import DefinitionError, RefusedError
from debvisor_timers.jobs.document import JOBS, Document, Value
from debvisor_timers.jobs.emit import Writable, mapping_lines
from debvisor_timers.jobs.files import LINE_BREAK, SourceFile, decode
from debvisor_timers.jobs.sheet import CannotSpliceError, Sheet, Splice
from debvisor_timers.jobs.splicing import FILE, SPREAD, Region, Splicer, rank, says
from debvisor_timers.source import Problem

Keys = Mapping[str, Writable]
"""The keys of a job, as they are written."""


def parse_jobs(path: Path, data: bytes | str) -> Document:
    """Return the document of a job file. Raises DefinitionError where it is wrong as YAML."""
    text = data if isinstance(data, str) else decode(path, data)
    if isinstance(text, Problem):
        raise DefinitionError([text])
    document = Document(SourceFile(path=path, text=text, digest=sha256(text.encode()).hexdigest()))
    if document.problems:
        raise DefinitionError(document.problems)
    return document


def jobs_in(document: Document) -> dict[str, Value]:
    """Return the jobs of a document by id, as they are written."""
    jobs = document.value.get(JOBS)
    return jobs if isinstance(jobs, dict) else {}


def in_order(keys: Keys) -> dict[str, Writable]:
    """Return the keys of a job in the order in which people write them."""
    return dict(sorted(keys.items(), key=lambda pair: rank(pair[0])))


def new_file(jobs: Mapping[str, Keys]) -> str:
    """Return the text of a file with `jobs`."""
    whole = {JOBS: {job_id: in_order(keys) for job_id, keys in jobs.items()}}
    return "\n".join([*mapping_lines(whole, column=0, spread=SPREAD), ""])


def edit_jobs(document: Document, changes: Mapping[str, Keys | None]) -> str:
    """Return the text of `document` with each job of `changes` having exactly those keys.

    None: without that job and its comments. What does not change keeps every byte: other lines,
    comments, quotes, line breaks. A job that is new goes behind the last one, a key that is new to
    where people look for it. Raises RefusedError where the text cannot be edited safely.
    """
    before = jobs_in(document)
    wanted: dict[str, Writable] = {**before}
    for job_id, keys in changes.items():
        if keys is None:
            wanted.pop(job_id, None)
        else:
            wanted[job_id] = keys if job_id in before else in_order(keys)
    whole = {**_mapping(document.value), JOBS: wanted}
    text = _spliced(document, whole)
    if text is None or not _reads_as(document, text, whole):
        raise _cannot(document)
    return text


def copy_job(document: Document, other: Document, job_id: str) -> str:
    """Return the text of `document` with a job as it stands in `other`, comments and all.

    Where that cannot be done line by line, the comments of `document` stay. Raises RefusedError.
    """
    keys = _mapping(jobs_in(other)[job_id])
    whole = {**_mapping(document.value), JOBS: {**_mapping(jobs_in(document)), job_id: keys}}
    try:
        text = _with_lines_of(document, other, job_id)
    except CannotSpliceError:
        text = None
    if text is not None and _reads_as(document, text, whole):
        return text
    return edit_jobs(document, {job_id: keys})


def _spliced(document: Document, whole: Mapping[str, Writable]) -> str | None:
    sheet, root = Sheet(document.text), document.root
    try:
        if isinstance(root, MappingNode):
            return sheet.spliced(Splicer(sheet).mapping(root, whole, level=FILE))
        lines = list(mapping_lines(whole, column=0, spread=SPREAD))
        return sheet.spliced([sheet.insert_lines(len(document.text), lines)])
    except CannotSpliceError:
        return None


def _reads_as(document: Document, text: str, wanted: Mapping[str, Writable]) -> bool:
    """Return True when `text` reads as `wanted`: whatever was spliced, this was meant."""
    try:
        root = parse_jobs(document.path, text).root
    except DefinitionError:
        return False
    return root is not None and says(root, wanted)


def _with_lines_of(document: Document, other: Document, job_id: str) -> str | None:
    here, there = Sheet(document.text), Sheet(other.text)
    source = _region(there, other, job_id)
    last = list(jobs_in(document))[-1:]
    target = _region(here, document, job_id) or (last and _region(here, document, last[0])) or None
    if source is None or target is None:
        return None
    block = other.text[source.start : source.end]
    lines = LINE_BREAK.split(block)
    if not lines[-1]:
        lines.pop()
    shift = target.column - source.column
    lines = [_shifted(line, shift) for line in lines]
    splices = [here.insert_lines(target.end, lines)]
    if job_id in jobs_in(document):
        splices = [here.insert_lines(target.start, lines), Splice(target.start, target.end)]
    return here.spliced(splices)


def _shifted(line: str, shift: int) -> str:
    if shift >= 0:
        return f"{' ' * shift}{line}" if line.strip() else line
    return line[min(-shift, len(line) - len(line.lstrip(" "))) :]


def _region(sheet: Sheet, document: Document, job_id: str) -> Region | None:
    """Return the lines of a job, None where it has none of its own."""
    root = document.root
    jobs = root and next((value for key, value in root.value if key.value == JOBS), None)
    if not isinstance(jobs, MappingNode) or jobs.flow_style:
        return None
    for number, (key, _) in enumerate(jobs.value):
        if key.value == job_id:
            return Splicer(sheet).region(jobs, number)
    return None


def _mapping(value: object) -> dict[str, Writable]:
    return dict(value) if isinstance(value, Mapping) else {}


def _cannot(document: Document) -> RefusedError:
    return RefusedError(
        f"{document.path} is written in a way that no command can edit"
        " without touching other lines",
        fix="edit the file by hand, then run `debvisor-timers apply`",
    )
