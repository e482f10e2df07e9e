# SPDX-License-Identifier: Apache-2.0
"""What doctor asks of our own files: what an apply left, the index, the audit, who is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.history.integrity import fault_of_index
from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.notify.mail import SENDMAIL
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.auditing.audit_head import HeadFile
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.queue import given_up
from debvisor_timers.operations.safety.examined import Examined, ok, problem


def interrupted_apply(host: Host) -> Iterator[Examined]:
    """Was an apply cut off?"""
    if record_file(host).read() is None:
        yield ok("none was cut off")
    else:
        yield problem("one was cut off, and not recovered yet", "debvisor-timers recover")


def index(host: Host) -> Iterator[Examined]:
    """Can the index of past runs be read, and is it whole?"""
    path = host.layout.index
    if not path.exists():
        yield ok("there is none yet; the first run makes it")
        return
    if not os.access(path, os.R_OK):
        raise PermissionRefusedError(
            f"you may not read {path}", fix="run the command with sudo, or join its group"
        )
    if fault := fault_of_index(path):
        yield problem(
            f"{path} is damaged: {fault}; it is made anew, from the journal",
            f"mv {path} {path}.damaged && debvisor-timers maintain",
        )
    else:
        yield ok(f"{path} is whole")


def audit(host: Host) -> Iterator[Examined]:
    """Can the newest link of the audit's chain be read?"""
    head = HeadFile(host.layout)
    try:
        kept = head.read()
    except PermissionRefusedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        yield problem(str(error), f"mv {head.path} {head.path}.broken")
        return
    yield ok(f"its chain is at record {kept.number}" if kept else "nothing was changed yet")


def channels(host: Host) -> Iterator[Examined]:
    """Can the channels be told, and was everything told?"""
    config = applied_config(host)
    bad = False
    for name, channel in config.channels.items():
        program = channel.exec_[0] if channel.exec_ else ""
        if channel.mail and channel.mail.smtp is None:
            program = SENDMAIL
        if program and not os.access(program, os.X_OK):
            bad = True
            yield problem(
                f"the channel {name} tells nobody: {program} is not there, or may not be executed",
                f"sensible-editor {host.layout.config / CONFIG_NAME} && debvisor-timers apply",
            )
    if lost := given_up(host.layout):
        bad = True
        yield problem(
            f"{len(lost)} messages were given up, the last for {lost[-1].channel}:"
            f" {lost[-1].problem}",
            "debvisor-timers notify queue",
        )
    count = len(config.channels)
    if not bad:
        yield ok(f"all channels can be told ({count})" if count else "there are none")
