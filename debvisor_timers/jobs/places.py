# SPDX-License-Identifier: Apache-2.0
"""Where the values of a job that was loaded before are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.jobs.document import JOBS, Document
from debvisor_timers.jobs.files import SourceFile, read_source
from debvisor_timers.jobs.locate import locate
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Problem, Span

_TO_BE: ContextVar[Mapping[Path, str] | None] = ContextVar("to_be", default=None)


@contextmanager
def as_edited(files: Mapping[Path, str]) -> Iterator[None]:
    """Let places within the block be those in `files`, which are not written yet."""
    token = _TO_BE.set(files)
    try:
        yield
    finally:
        _TO_BE.reset(token)


def problem_at(job: Job, complaint: Complaint) -> Problem:
    """Return the problem of a complaint about a value of `job`, at its place in the YAML.

    An empty path is the job as a whole. Reads the file again. The place is that of the job where
    the file is gone, and where the value comes from the defaults in config.yaml.
    """
    document = _document_of(job.source.file)
    is_written = document is not None and _is_written(document, job, complaint)
    if document is not None and is_written:
        return locate(document, (JOBS, job.id), complaint)
    message = complaint.message
    if document is not None and set(complaint.path[:1]) & job.model_fields_set:
        message += " (from the defaults in config.yaml)"
    key = ".".join(step for step in complaint.path if isinstance(step, str))
    plain = Problem(span=job.source, key=key, message=message, fix=complaint.fix)
    if document is None:
        return plain
    return replace(plain, source_line=document.problem("", job.source).source_line)


def problem_in_config(files: Iterable[Path], complaint: Complaint) -> Problem:
    """Return the problem of a complaint about a value of config.yaml, one of `files`.

    Reads the file again; the place is the file as a whole where it is gone.
    """
    path = next((file for file in files if file.name == CONFIG_NAME), Path(CONFIG_NAME))
    document = _document_of(path)
    if document is None:
        key = ".".join(step for step in complaint.path if isinstance(step, str))
        return Problem(span=Span(file=path), key=key, message=complaint.message, fix=complaint.fix)
    return locate(document, (), complaint)


def _is_written(document: Document, job: Job, complaint: Complaint) -> bool:
    path = (JOBS, job.id, *complaint.path[:1])
    return bool(complaint.path) and document.depth(path) == len(path)


def _document_of(path: Path) -> Document | None:
    """Return the file again, for the places in it: they are not kept with each job."""
    text = (_TO_BE.get() or {}).get(path)
    if text is not None:
        return _edited(path, text)
    try:
        status = path.stat()
    except OSError:
        return None
    return _parsed(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _parsed(path: Path, _changed: int, _size: int) -> Document | None:
    source = read_source(path)
    return None if isinstance(source, Problem) else Document(source)


@lru_cache(maxsize=1)
def _edited(path: Path, text: str) -> Document:
    return Document(SourceFile(path=path, text=text, digest=sha256(text.encode()).hexdigest()))
