# SPDX-License-Identifier: Apache-2.0
"""maintain: what has to be done from time to time; debvisor-timers-maintain.timer calls it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.operations.holding.tidy import tidy_marks
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.measuring.metrics import applied_textfile, write_textfile
from debvisor_timers.operations.past.prune import Limits, Pruned, prune_history
from debvisor_timers.operations.past.rename import carry_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What was done; textfile: where metrics were written, None for nowhere."""

    pruned: Pruned
    textfile: Path | None = None


def maintain(host: Host) -> Maintenance:
    """Bring the index up to date with the journal, and forget what it does not have to keep.

    Pauses and maintenance that are over are tidied away. Then write the metrics, if config.yaml
    names a file. Raises the errors of `prune_history` and `write_textfile`.
    """
    carry_over(host)
    tidy_marks(host)
    pruned = prune_history(host, Limits())
    return Maintenance(pruned=pruned, textfile=refresh_textfile(host))


def refresh_textfile(host: Host) -> Path | None:
    """Write the metrics where the config.yaml that was applied last says; return that file, if any.

    Raises the errors of `write_textfile`, SystemdError where the caller may not look.
    """
    textfile = applied_textfile(host)
    if textfile is not None:
        write_textfile(host, textfile)
    return textfile
