# SPDX-License-Identifier: Apache-2.0
"""Let a virtual machine know of a run of which `end` has told it nothing.

Root's `ExecStopPost=/usr/libexec/debvisor-timers/carry JOB` of debvisor-timers-notify@: its program
notes runs that failed before `begin`, and `recover` those that a crash has cut off; both start it.
Imports nothing of ours and little else; what several programs need lies beside it (`beside`).
"""

import os
import sys
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def beside(name: str) -> "Any":
    """Return the module `name` in the folder of this program: compiled once, by the package."""
    module = type(sys)(name)
    module.__file__ = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    code = SourceFileLoader(name, module.__file__).get_code(name)
    exec(code or "", module.__dict__)  # noqa: S102
    return module


notes = beside("notes")


class Noted:
    """The last run of a job as it is noted, for `carried`."""

    def __init__(self, job: str) -> None:
        """Look at the job `job`."""
        self.job, self.notes, self.beside = job, notes, beside


def main() -> int:
    """Tell the machine of the job of the last argument, if it has one; return the exit status."""
    job = sys.argv[-1]
    unit = notes.statements(f"{notes.UNITS}/debvisor-job-{job}.service")
    if machine := unit.get(("[Service]", "X-Carry")):
        beside("carried").noted(Noted(job), machine[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
