# SPDX-License-Identifier: Apache-2.0
"""Job files of one folder: those in /etc, or those that were applied last; which job is where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from debvisor_timers.errors import DefinitionError, NotFoundError, RefusedError
from debvisor_timers.jobs.document import Document
from debvisor_timers.jobs.edit import jobs_in, parse_jobs
from debvisor_timers.jobs.files import LARGEST_FILE, SourceFile, list_job_files, read_source
from debvisor_timers.operations.unknown import unknown_job

_WORD = re.compile(rb"[a-z0-9][a-z0-9-]*")


class JobTree:
    """The job files of the folder `home`, by name; a file is parsed when it is asked for.

    shown: the folder that problems name, where that is another one.
    """

    def __init__(self, home: Path, shown: Path | None = None) -> None:
        """Read the files; those that cannot be read are left out."""
        self.home = home
        self.files: dict[str, bytes] = {}
        self.changed: set[str] = set()
        self._shown = shown or home
        self._documents: dict[str, Document] = {}
        self._found: dict[bytes, list[str]] | None = None
        paths, _ = list_job_files(home)
        for path in paths:
            self._read(path)

    def path(self, name: str) -> Path:
        """Return the path of a file, as people know it."""
        return self._shown / name

    def document(self, name: str) -> Document:
        """Return a file as values. Raises DefinitionError where it is wrong as YAML."""
        if name not in self._documents:
            self._documents[name] = parse_jobs(self._shown / name, self.files[name])
        return self._documents[name]

    def put(self, name: str, data: bytes | None) -> None:
        """Let a file have that content from now on; None: there is no such file."""
        if self.files.get(name) == data:
            return
        self.changed.add(name)
        self._documents.pop(name, None)
        self.files.pop(name, None)
        if data is not None:
            self.files[name] = data
            self._note(name, data)

    def find(self, job_id: str) -> str | None:
        """Return the name of the file with that job, None where no file has it.

        Raises RefusedError where several have it; DefinitionError where it may be in a file that
        is wrong as YAML, and is in no other.
        """
        found, wrong = self._look(job_id)
        if len(found) > 1:
            paths = " and ".join(str(self._shown / name) for name in found)
            raise RefusedError(
                f"job {job_id!r} is defined in {paths}", fix="remove it from one of them"
            )
        if not found and wrong:
            raise wrong[0]
        return found[0] if found else None

    def has(self, job_id: str) -> bool:
        """Return True where a file has that job; files that are wrong as YAML are passed over."""
        return bool(self._look(job_id)[0])

    def require(self, job_id: str) -> str:
        """Return the name of the file with that job. Raises NotFoundError, and as `find` does."""
        name = self.find(job_id)
        if name is None:
            raise self.unknown(job_id)
        return name

    def unknown(self, job_id: str) -> NotFoundError:
        """Return the error for a job that no file has."""
        return unknown_job(job_id, self.ids())

    def ids(self) -> Iterable[str]:
        """Yield the ids of all jobs; files that are wrong as YAML are passed over."""
        for name in sorted(self.files):
            try:
                yield from jobs_in(self.document(name))
            except DefinitionError:
                continue

    def _read(self, path: Path) -> None:
        source = read_source(path)
        if isinstance(source, SourceFile):
            self.files[path.name] = source.text.encode()
            return
        try:
            if path.is_file() and path.stat().st_size <= LARGEST_FILE:
                self.files[path.name] = path.read_bytes()
        except OSError:
            return

    def _look(self, job_id: str) -> tuple[list[str], list[DefinitionError]]:
        found, wrong = [], []
        for name in self._words.get(job_id.encode(), ()):
            if name not in self.files:
                continue
            try:
                if job_id in jobs_in(self.document(name)):
                    found.append(name)
            except DefinitionError as error:
                wrong.append(error)
        return found, wrong

    @property
    def _words(self) -> dict[bytes, list[str]]:
        """Return which files hold a word that may be an id: parsing them all takes far longer."""
        if self._found is None:
            self._found = {}
            for name, data in sorted(self.files.items()):
                self._note(name, data)
        return self._found

    def _note(self, name: str, data: bytes) -> None:
        if self._found is not None:
            for word in set(_WORD.findall(data)):
                names = self._found.setdefault(word, [])
                if name not in names:
                    names.append(name)
