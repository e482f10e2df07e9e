# SPDX-License-Identifier: Apache-2.0
"""Whether a run belongs to this host: by the host's name, or by a virtual machine that runs here.

Loaded by `begin` for jobs with `where`; imports nothing of ours.
"""

import os

VIRSH = "/usr/bin/virsh"
TIMEOUT = "/usr/bin/timeout"  # not by $PATH: that may be the job's own, and we are root
SECONDS = 30
ABSENT = ("no domain with matching", "failed to get domain")
AWAY = {"shut off", "crashed", "no state"}
ARRIVING = {"migrating", "starting up"}
"""Why a domain is paused that another host still runs."""


def elsewhere(hosts: list[str], domains: list[str]) -> str:
    """Return why a run does not belong here, empty when it does.

    hosts: lines with names of hosts, whole or up to the first dot. domains: of libvirt, each by
    name or UUID; all have to run here. Raises OSError when libvirt gives no answer.
    """
    here = os.uname().nodename
    names = " ".join(hosts).split()
    if names and not {here, here.partition(".")[0]} & {
        *names,
        *(n.partition(".")[0] for n in names),
    }:
        return f"this host is {here}, not {' or '.join(names)}"
    for domain in domains:
        if not runs_here(domain):
            return f"virtual machine {domain} does not run on this host"
    return ""


def runs_here(domain: str) -> bool:
    """Return True when libvirt runs the domain on this host now; not one that is only arriving."""
    status, said = virsh("domstate", "--reason", "--domain", domain)
    if status != 0:
        if any(text in said for text in ABSENT):
            return False
        raise ChildProcessError(f"libvirt gives no answer about {domain}: {said}")
    state, _, reason = said.partition(" (")
    return state not in AWAY and not (state == "paused" and reason.rstrip(")") in ARRIVING)


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
