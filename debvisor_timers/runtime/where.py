# SPDX-License-Identifier: Apache-2.0
"""Whether a run belongs to this host: by the host's name, or by a virtual machine that runs here.

Loaded by `begin` for jobs with `where`; imports nothing of ours.
"""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


VIRSH = "/usr/bin/virsh"
TIMEOUT = "/usr/bin/timeout"  # not by $PATH: that may be the job's own, and we are root
SECONDS = 30
ABSENT = ("no domain with matching", "failed to get domain")
AWAY = {"shut off", "crashed", "no state"}
ARRIVING = {"migrating", "starting up"}
"""Why a domain is paused that another host still runs."""
PATIENCE = 1800.0
"""How many seconds to wait for the end of a migration; the unit's time-out counts with it."""
PAUSE = 1.0


def elsewhere(hosts: list[str], domains: list[str], wait: "Any" = None) -> str:
    """Return why a run does not belong here, empty when it does.

    hosts: lines with names of hosts, whole or up to the first dot. domains: of libvirt, each by
    name or UUID; all have to run here. wait: told what is waited for: both hosts of a migration
    wait for its end, so that the run takes place on one of them. Raises OSError when libvirt gives
    no answer.
    """
    here = os.uname().nodename
    names = " ".join(hosts).split()
    if names and not {here, here.partition(".")[0]} & {
        *names,
        *(n.partition(".")[0] for n in names),
    }:
        return f"this host is {here}, not {' or '.join(names)}"
    for domain in domains:
        until = time.monotonic() + PATIENCE
        while (answer := runs_here(domain)) is None:
            if time.monotonic() >= until:
                return f"virtual machine {domain} is still being migrated after {PATIENCE:g} s"
            if wait:
                wait(f"for {domain} (it is being migrated)")
            time.sleep(PAUSE)
        if not answer:
            return f"virtual machine {domain} does not run on this host"
    return ""


def runs_here(domain: str) -> "bool | None":
    """Return True when libvirt runs the domain on this host now, None while it comes or goes."""
    status, said = virsh("domstate", "--reason", "--domain", domain)
    if status != 0:
        if any(text in said for text in ABSENT):
            return False
        raise ChildProcessError(f"libvirt gives no answer about {domain}: {said}")
    state, _, reason = said.partition(" (")
    if state in AWAY:
        return False
    arrives = state == "paused" and reason.rstrip(")") in ARRIVING
    return None if arrives or leaves(domain) else True


def leaves(domain: str) -> bool:
    """Return True while a domain that runs here is being migrated to another host."""
    status, said = virsh("domjobinfo", "--domain", domain)
    if status != 0:
        # It is gone since: it is asked for again. Another driver than QEMU's knows no migration.
        return any(text in said for text in (*ABSENT, "not running"))
    return "Outgoing migration" in said


def virsh(*arguments: str, seconds: int = SECONDS, change: bool = False) -> tuple[int, str]:
    """Return the exit status of virsh, and all that it says; its own address decides which libvirt.

    change: it may change something. Raises OSError when virsh is missing. Not by the module
    subprocess, which takes long to import.
    """
    reader, writer = os.pipe()
    rights = [] if change else ["--readonly"]
    command = [TIMEOUT, str(seconds), VIRSH, *rights, *arguments]
    environment = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/root"}
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
    if not os.access(VIRSH, os.X_OK):
        raise FileNotFoundError(f"there is no {VIRSH}; fix: apt install libvirt-clients")
    process = os.posix_spawn(TIMEOUT, command, environment, file_actions=actions)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as answer:
        said = " ".join(answer.read().split())
    return os.waitpid(process, 0)[1], said
