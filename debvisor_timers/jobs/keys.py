# SPDX-License-Identifier: Apache-2.0
"""The table of keys, read off the models: what `explain`, the schema and the man page show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a job.

    name: dotted, `schedule.cron`; `[]` follows a key that holds a list, `triggers[].boot`.
    type: for people, such as `text`, `duration` or `once | skip`.
    default: for people; empty where the key is required.
    directive: what it becomes in a unit; empty where it is nothing of its own.
    example: a value as YAML would hold it.
    """

    name: str
    type: str
    required: bool
    default: str
    directive: str
    help: str
    example: object
    since: str
