# SPDX-License-Identifier: Apache-2.0
"""report: jobs that take longer and longer, or fail more and more, and runs unlike the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.jobs.model import Job

FAR = timedelta(days=90)
"""Runs of so many days are compared."""
