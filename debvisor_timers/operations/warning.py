# SPDX-License-Identifier: Apache-2.0
"""Warnings at a value of a job."""

from __future__ import annotations

from dataclasses import replace

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Problem, Severity


def warning_at(job: Job, complaint: Complaint) -> Problem:
    """Return the problem of `complaint` at its place in the YAML, as a warning."""
    return replace(problem_at(job, complaint), severity=Severity.WARNING)
