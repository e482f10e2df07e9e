# SPDX-License-Identifier: Apache-2.0
"""Journal records as values, and the message ids that tell of a job's life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

JournalMatch = Mapping[str, str | tuple[str, ...]]
"""Fields that must all match; a tuple of values means any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecord:
    """One journal entry.

    fields: every value of every field, as text (bytes that are not UTF-8 are replaced); a field
    can have several values (systemd 257: UNIT= of a cyclic transaction has).
    """

    cursor: str
    realtime: datetime
    boot_id: str
    fields: Mapping[str, tuple[str, ...]]

    def get(self, field: str) -> str:
        """Return the first value of `field`, empty when the record lacks it."""
        return self.fields.get(field, ("",))[0]


class MessageId(StrEnum):
    """What tells of a job's life in the journal.

    Source: systemd 257, sd-messages.h (records of PID 1, which name the unit in UNIT=); the last
    four are ours: sent by `begin`, by `end` (of a lost run: by `recover`), by an apply that held a
    timer when it was due, and by `task`.
    """

    STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
    """A start began; never for a unit whose condition is not met."""
    DONE = "39f53479d3a045ac8e11786248231fbf"
    """A start job is done: the run succeeded, or was skipped by a condition."""
    NOT_STARTED = "be02cf6855d2428ba40df7e9d022f03d"
    """A start job is not done; JOB_RESULT= says why."""
    EXITED = "98e322203f7a4ed290d09fe03c09fe15"
    """A process of the unit ended badly; COMMAND= says which, and 0 is never told."""
    FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
    """The unit failed; UNIT_RESULT= says how."""
    DEACTIVATED = "7ad2d189f7e94e70a38c781354912448"
    """The unit ended well."""
    SKIPPED = "0e4284a0caca4bfc81c0bb6786972673"
    """ExecCondition= kept the unit from running."""
    RESTART = "5eb03494b6584870a536b337290809b3"
    """Another attempt follows."""
    STOPPED = "9d1aaa27d60140bd96365438aad20286"
    """A stop job is done; JOB_TYPE= says stop or restart."""
    CONSUMED = "ae8f7b866b0347b9af31fe1c80b127c0"
    """CPU and memory that the unit used, where they were large; comes after the end."""
    RUN_BEGIN = "f1c63ac425f94a3b9894b31bb73a2710"
    RUN_END = "ec5c7d712daf4bf4a90b07764211903e"
    RUN_SKIPPED = "3d0f0a1c5e1b4b6f9a0c7d2e8b514f63"
    TASK_RESULT = "1d7f3a0c5be94d6c9a9f5d0b7c4e2a86"
    """What the handler of a task has returned; sent by the job's user, from the job's unit."""


AUDIT_MESSAGE_ID = "974f72e112d142cc8e09cb96778de9f7"
"""MESSAGE_ID= of the audit: somebody changed something, or was refused it."""

LOST = "lost"
"""DEBVISOR_RESULT= of a run that a crash has cut off; no word of systemd's."""

LONGEST_TASK_RESULT = 64 * 1024
"""Bytes of a result that are kept; runtime/task.py has the same."""

PROGRESS_MESSAGE_ID = "6f0c8a1e24b94b7d8d1f3c5a7e9b2d40"
"""MESSAGE_ID= of how far a handler has come; sent like a result."""

OURS = frozenset({MessageId.RUN_BEGIN, MessageId.RUN_END, MessageId.RUN_SKIPPED})


def invocation_of(record: JournalRecord) -> str:
    """Return the invocation that `record` tells of, whoever sent it; empty for none."""
    if record.get("MESSAGE_ID") == MessageId.TASK_RESULT:
        return record.get("_SYSTEMD_INVOCATION_ID")
    return record.get("INVOCATION_ID") or record.get("DEBVISOR_INVOCATION_ID")


def is_of_lost(record: JournalRecord) -> bool:
    """Return True when a boot tells by `record` of a run that an earlier one never ended."""
    is_end = record.get("MESSAGE_ID") == MessageId.RUN_END
    return is_end and record.get("DEBVISOR_RESULT") == LOST


def task_result_in(record: JournalRecord) -> str:
    """Return the result of a task, as JSON: what the job's user has sent, or how long that was."""
    text = record.get("DEBVISOR_TASK_RESULT")
    size = len(text.encode("utf-8", "surrogateescape"))
    # The program `task` sends no longer one, but the job's user may send what he likes.
    return f'{{"omitted_bytes": {size}}}' if size > LONGEST_TASK_RESULT else text
