# SPDX-License-Identifier: Apache-2.0
"""Whether somebody has to be told of the end of a run that has not failed.

Loaded by `end`, for jobs of which something was told, or that tell of skips. What was told last is
noted by the one who tells: so a job that goes well starts nobody, nor does each skip of a row.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_to_be_told(ending: "Any") -> bool:
    """Return True for a success after a failure that was told, and for a skip unlike the last."""
    fields, notes = ending.fields, ending.notes
    if fields["DEBVISOR_RESULT"] != "success":
        return False
    told = notes.read(f"{notes.STATE}/notified/{ending.job}")
    is_skipped = "DEBVISOR_SKIPPED" in fields
    if not is_skipped and "TOLD_USEC" in told:
        return True
    if "skipped" not in " ".join(ending.unit.get(("[Service]", "X-Notify"), [])).split():
        return False
    if not is_skipped:
        return bool(ending.lasted())  # it may have kept others off
    last = notes.read(f"{notes.STATE}/last/{ending.job}")
    return is_another(fields, told, last)


def is_another(fields: dict[str, str], told: dict[str, str], last: dict[str, str]) -> bool:
    """Return True for a skip that is not the next of the row of which the first was told.

    told: what is noted of that; last: of the last run that took place.
    """
    if told.get("SKIP_REASON") != " ".join(fields["DEBVISOR_SKIPPED"].splitlines()):
        return True
    again = int(told.get("SKIP_AGAIN_USEC", "0"))
    if again:  # however often the job runs meanwhile
        return again <= int(fields["DEBVISOR_END_USEC"])
    return int(last.get("DEBVISOR_END_USEC", "0")) > int(told.get("SKIP_USEC", "0"))
