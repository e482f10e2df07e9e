# SPDX-License-Identifier: Apache-2.0
"""Records of a run as a real host leaves them: of PID 1, of our programs, and what was printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from debvisor_timers.history.records import MessageId
from debvisor_timers.systemd.memory import records
from tests.unit.operations.world import World

UNIT = "debvisor-job-nightly.service"
_EVERY = timedelta(seconds=1)


@dataclass(kw_only=True)
class Recorder:
    """Writes the records of one run of `nightly`, a second for each."""

    world: World
    run: str = "20261123T120000Z-aaaaaa"
    invocation: str = "a" * 32
    trigger: str = "manual"
    started: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def systemd(self, message: str, **fields: str) -> None:
        about = {"_PID": "1", "UNIT": UNIT, "INVOCATION_ID": self.invocation, "MESSAGE_ID": message}
        self._append({**about, **fields})

    def ours(self, message: str, **fields: str) -> None:
        self.started = self.started or str(round(self.world.systemd.state.now.timestamp() * 1e6))
        told = {
            "DEBVISOR_JOB": "nightly",
            "DEBVISOR_RUN_ID": self.run,
            "DEBVISOR_INVOCATION_ID": self.invocation,
            "DEBVISOR_TRIGGER": self.trigger,
            "DEBVISOR_START_USEC": self.started,
        }
        self._append({"MESSAGE_ID": message, **told, **self.fields, **fields})

    def printed(self, text: str, *, stderr: bool = False, **fields: str) -> None:
        stream = {
            "_TRANSPORT": "stdout",
            "_SYSTEMD_INVOCATION_ID": self.invocation,
            "_SYSTEMD_UNIT": UNIT,
            "SYSLOG_FACILITY": "1" if stderr else "3",
            "PRIORITY": "3" if stderr else "6",
        }
        self._append({"MESSAGE": text, **stream, **fields})

    def begin(self) -> None:
        self.systemd(MessageId.STARTING, JOB_ID="7")
        self.ours(MessageId.RUN_BEGIN, DEBVISOR_ATTEMPT="1")

    def end(self, *, exit_status: int = 0) -> None:
        is_good = exit_status == 0
        if not is_good:
            self.systemd(
                MessageId.EXITED,
                COMMAND="ExecStart",
                EXIT_CODE="exited",
                EXIT_STATUS=str(exit_status),
            )
        self.ours(
            MessageId.RUN_END,
            DEBVISOR_RESULT="success" if is_good else "exit-code",
            DEBVISOR_EXIT_CODE="exited",
            DEBVISOR_EXIT_STATUS=str(exit_status),
            DEBVISOR_FINAL="1",
        )
        if is_good:
            self.systemd(MessageId.DEACTIVATED)
            self.systemd(MessageId.DONE, JOB_RESULT="done", JOB_ID="7")
        else:
            self.systemd(MessageId.FAILED, UNIT_RESULT="exit-code")
            self.systemd(MessageId.NOT_STARTED, JOB_RESULT="failed", JOB_ID="7")

    def _append(self, fields: dict[str, str]) -> None:
        records.append(self.world.systemd.state, fields)
        self.world.systemd.advance(_EVERY)
