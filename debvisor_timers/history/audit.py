# SPDX-License-Identifier: Apache-2.0
"""Who changed what: the audit's events, and their form as records of the journal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from debvisor_timers.history.caller import DOORS, Caller
from debvisor_timers.history.records import AUDIT_MESSAGE_ID, JournalRecord

PREFIX = "DEBVISOR_AUDIT_"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_JOB = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NUMBER = re.compile(r"[0-9]{1,16}")
_MOST_JOBS = 20
"""Of an attempt that nobody vouches for."""


class Verb(StrEnum):
    """What can be asked for that changes something; the table of all verbs of the audit."""

    APPLY = "apply"
    RUN = "run"
    RETRY = "retry"
    STOP = "stop"
    RENEW = "renew"
    RECOVER = "recover"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP_NEXT = "skip-next"
    MAINTENANCE = "maintenance"
    BACKFILL = "backfill"
    ROLLBACK = "rollback"
    RESTORE = "restore"
    IMPORT = "import"
    TOKEN = "token"  # noqa: S105 (no password)
    CONFIG = "config"
    PRUNE = "prune"
    REGISTER = "register"
    TRY = "try"
    CONFIRM = "confirm"
    NOTIFY = "notify"


class AuditResult(StrEnum):
    """What became of it.

    CUT_OFF: the process ended before it could tell; how far it came is not known. UNDER_WAY: it
    has not ended; in no record.
    """

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNDONE = "undone"
    CUT_OFF = "cut off"
    UNDER_WAY = "under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that somebody asked for, and what became of it.

    id: of this attempt; random. time: when it was asked for. jobs, file: what it is about.
    what: in words. diff: before and after; secrets are left out. generation: that it has made.
    """

    id: str
    time: datetime
    verb: Verb | None
    caller: Caller
    result: AuditResult
    jobs: tuple[str, ...] = ()
    file: str = ""
    what: str = ""
    error: str = ""
    diff: str = ""
    generation: int | None = None
    host: str = ""

    @property
    def subject(self) -> str:
        """Return what it is about: some of the jobs, or the file."""
        shown = ", ".join(self.jobs[:3])
        more = len(self.jobs) - 3
        return (f"{shown} and {more} more" if more > 0 else shown) or self.file

    @property
    def words(self) -> str:
        """Return what was asked for: `run nightly`, `apply: 1 created`."""
        asked = f"{self.verb or 'something'} {self.subject}".strip()
        return f"{asked}: {self.what}" if self.what else asked

    def to_fields(self) -> dict[str, str]:
        """Return the event as fields of a journal record, but for its seal."""
        result = f"{self.result} ({self.error})" if self.error else str(self.result)
        own = {
            "ID": self.id,
            "TIME_USEC": _usec(self.time),
            "VERB": str(self.verb or ""),
            "JOBS": " ".join(self.jobs),
            "FILE": self.file,
            "WHAT": self.what,
            "RESULT": str(self.result),
            "ERROR": self.error,
            "DIFF": self.diff,
            "GENERATION": "" if self.generation is None else str(self.generation),
            "HOST": self.host,
            **_caller_fields(self.caller),
        }
        return {
            "MESSAGE": f"{self.caller}: {self.words}: {result}",
            "MESSAGE_ID": AUDIT_MESSAGE_ID,
            "PRIORITY": "5" if self.result is AuditResult.DONE else "4",
            "SYSLOG_IDENTIFIER": "debvisor-timers",
            **{f"{PREFIX}{name}": value for name, value in own.items() if value},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The place of a record in its chain.

    previous: the digest of the one before; empty for the first. begin: of the first, why the chain
    begins there. time, boot: when it was sealed, and in which boot. previous_time, previous_boot:
    the same of the one before; None and empty where that does not say.
    """

    chain: str
    number: int
    previous: str
    begin: str = ""
    digest: str = ""
    time: datetime | None = None
    boot: str = ""
    previous_time: datetime | None = None
    previous_boot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An event as it was read. seal: None where it is no link of a chain.

    is_whole: nothing of it was changed since it was sealed.
    """

    event: AuditEvent
    seal: Seal | None = None
    is_whole: bool = True

    @property
    def is_proven(self) -> bool:
        """Return True when it is a link of a chain, and whole."""
        return self.seal is not None and self.is_whole


def sealed(event: AuditEvent, seal: Seal) -> dict[str, str]:
    """Return `event` as the fields of a record that is the link `seal`; its digest is made here."""
    place = {
        "CHAIN": seal.chain,
        "NUMBER": str(seal.number),
        "PREVIOUS": seal.previous,
        "BEGIN": seal.begin,
        "SEALED_USEC": _usec(seal.time),
        "BOOT": seal.boot,
        "PREVIOUS_USEC": _usec(seal.previous_time),
        "PREVIOUS_BOOT": seal.previous_boot,
    }
    record = {
        **event.to_fields(),
        **{f"{PREFIX}{name}": value for name, value in place.items() if value},
    }
    return {**record, f"{PREFIX}DIGEST": digest_of({n: (v,) for n, v in record.items()})}


def digest_of(record: Mapping[str, tuple[str, ...]]) -> str:
    """Return the SHA-256 over all of a record that we write, but for the digest itself.

    That is its message and every DEBVISOR_AUDIT_ field, those of later versions included.
    """
    hashed = hashlib.sha256()
    for name in sorted(record):
        if name == "MESSAGE" or (name.startswith(PREFIX) and name != f"{PREFIX}DIGEST"):
            for value in record[name]:
                raw = value.encode("utf-8", "surrogateescape")
                # With the lengths: no text can pass for the end of one field and another.
                hashed.update(f"{name}={len(raw)}:".encode() + raw)
    return hashed.hexdigest()


def read_audit(record: JournalRecord) -> AuditRecord:
    """Return what a record of the audit says.

    Whoever is not root can write what he likes: of that, only who has sent it is believed, and
    that something was refused him. Nothing else of ours is without root.
    """
    sender = record.get("_UID")
    if sender != "0":
        return AuditRecord(event=_attempt(record, int(sender) if _NUMBER.fullmatch(sender) else -1))
    return read_fields(record.fields, record.realtime)


def read_fields(record: Mapping[str, tuple[str, ...]], realtime: datetime) -> AuditRecord:
    """Return what a record of root says. realtime: its time, where it names none."""
    own = {
        name.removeprefix(PREFIX): values[0]
        for name, values in record.items()
        if name.startswith(PREFIX) and values
    }
    number = _whole(own, "NUMBER")
    seal = None
    if number is not None and own.get("CHAIN") and own.get("DIGEST"):
        seal = Seal(
            chain=own["CHAIN"],
            number=number,
            previous=own.get("PREVIOUS", ""),
            begin=own.get("BEGIN", ""),
            digest=own["DIGEST"],
            time=_time(own, "SEALED_USEC"),
            boot=own.get("BOOT", ""),
            previous_time=_time(own, "PREVIOUS_USEC"),
            previous_boot=own.get("PREVIOUS_BOOT", ""),
        )
    is_whole = seal is None or seal.digest == digest_of(record)
    return AuditRecord(event=_event(own, realtime), seal=seal, is_whole=is_whole)


def _event(own: Mapping[str, str], realtime: datetime) -> AuditEvent:
    result = own.get("RESULT", "")
    return AuditEvent(
        id=own.get("ID", ""),
        time=_time(own, "TIME_USEC") or realtime,
        verb=_verb(own),
        caller=_caller(own),
        result=AuditResult(result) if result in set(AuditResult) else AuditResult.FAILED,
        jobs=tuple(own.get("JOBS", "").split()),
        file=own.get("FILE", ""),
        what=own.get("WHAT", ""),
        error=own.get("ERROR", ""),
        diff=own.get("DIFF", ""),
        generation=_whole(own, "GENERATION"),
        host=own.get("HOST", ""),
    )


def _attempt(record: JournalRecord, uid: int) -> AuditEvent:
    jobs = record.get(f"{PREFIX}JOBS").split(maxsplit=_MOST_JOBS)[:_MOST_JOBS]
    return AuditEvent(
        id="",
        time=record.realtime,
        verb=_verb({"VERB": record.get(f"{PREFIX}VERB")}),
        caller=Caller(uid=uid, user=""),
        result=AuditResult.REFUSED,
        jobs=tuple(filter(_JOB.fullmatch, jobs)),
    )


def _verb(own: Mapping[str, str]) -> Verb | None:
    name = own.get("VERB", "")
    return Verb(name) if name in set(Verb) else None


def _caller_fields(caller: Caller) -> dict[str, str]:
    values = ((field.name.upper(), getattr(caller, field.name)) for field in fields(caller))
    return {name: "" if value is None else str(value) for name, value in values}


def _caller(own: Mapping[str, str]) -> Caller:
    uid = _whole(own, "UID")
    door = own.get("DOOR", "")
    return Caller(
        uid=-1 if uid is None else uid,
        user=own.get("USER", ""),
        login_uid=_whole(own, "LOGIN_UID"),
        login_user=own.get("LOGIN_USER", ""),
        sudo_uid=_whole(own, "SUDO_UID"),
        sudo_user=own.get("SUDO_USER", ""),
        token=own.get("TOKEN", ""),
        address=own.get("ADDRESS", ""),
        request=own.get("REQUEST", ""),
        door=next((known for known in DOORS if known == door), "python"),
    )


def _whole(own: Mapping[str, str], name: str) -> int | None:
    text = own.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _time(own: Mapping[str, str], name: str) -> datetime | None:
    usec = _whole(own, name)
    return None if usec is None else _EPOCH + usec * _MICROSECOND


def _usec(time: datetime | None) -> str:
    return "" if time is None else str((time - _EPOCH) // _MICROSECOND)
