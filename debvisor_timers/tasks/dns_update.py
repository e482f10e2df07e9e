# SPDX-License-Identifier: Apache-2.0
"""dns_update: records of a zone by RFC 2136, with nsupdate and a key of TSIG."""

from __future__ import annotations

import ipaddress
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from debvisor_timers.tasks.base import (
    BUSY,
    FAILED,
    UNAVAILABLE,
    WRONG,
    TaskFailed,
    credential,
    try_tool,
)
from debvisor_timers.tasks.dns_records import RecordSet, absolute, prerequisites, record_sets

NSUPDATE = "/usr/bin/nsupdate"
DIG = "/usr/bin/dig"
PACKAGE = "bind9-dnsutils"
KEY = "tsig"
"""The credential with the key: a file of BIND (`key NAME { algorithm ...; secret ...; };`)."""

_SERVER = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]*")
_DIGESTS = frozenset(("TLSA", "SSHFP", "DS", "CDS", "DNSKEY", "CDNSKEY", "OPENPGPKEY", "SMIMEA"))
"""Types whose long data dig writes in several parts."""
_KEY_CLAUSE = re.compile(
    r'\s*key\s+"?[^\s"{}]+"?\s*\{\s*algorithm\s+"?[A-Za-z0-9.-]+"?\s*;'
    r'\s*secret\s+"?(?P<secret>[A-Za-z0-9+/=]+)"?\s*;\s*\}\s*;?\s*'
)
_REFUSED = {"REFUSED": WRONG, "NOTAUTH": WRONG, "NOTZONE": WRONG, "BADKEY": WRONG, "BADSIG": WRONG,
            "BADTIME": WRONG, "SERVFAIL": UNAVAILABLE}  # fmt: skip
_BAD_DATA = ("invalid rdata", "syntax error", "unknown class/type", "FORMERR")
"""What nsupdate says of what it cannot read, and a server of what makes no sense."""
_UNMET = ("YXDOMAIN", "NXRRSET", "YXRRSET", "NXDOMAIN")


def dns_update(config: Mapping[str, Any]) -> dict[str, Any]:
    """Let a zone have the records that the configuration names; return what was changed.

    The server is asked first: what is there already is left alone. All changes are made at once or
    none.
    """
    zone = absolute(config["zone"])
    wanted = record_sets(config["records"], zone)
    needed = prerequisites(config.get("prerequisites", []), zone)
    server = config.get("server", "127.0.0.1")
    if not _SERVER.fullmatch(server):
        raise TaskFailed(f"{server!r} is no name of a server", exit_status=WRONG)
    limit = timedelta(seconds=config.get("timeout", 10))
    changes = [each for each in wanted if not _is_so(each, server, config.get("port", 53), limit)]
    result = {
        "zone": zone,
        "changed": [each.words for each in changes],
        "unchanged": [each.words for each in wanted if each not in changes],
        "dry_run": bool(config.get("dry_run")),
    }
    for each in changes:
        print(f"{'would set' if result['dry_run'] else 'setting'} {each.words}: {each.data}")
    if changes and not result["dry_run"]:
        lines = [f"zone {zone}", *needed, *(line for each in changes for line in each.lines())]
        _update(zone, lines, config, limit)
        port = config.get("port", 53)
        if left := [each.words for each in changes if not _is_so(each, server, port, limit)]:
            raise TaskFailed(
                f"{server} has taken the update, and {', '.join(left)} is not as it is to be",
                fix="see whether a CNAME is in the way, and whether it is the primary server",
                exit_status=WRONG,
                result={**result, "not_set": left},
            )
    print(f"{len(changes)} changed, {len(wanted) - len(changes)} as they were")
    return result


def script_of(lines: list[str], config: Mapping[str, Any]) -> str:
    """Return what nsupdate is told. Each value was checked: none can begin a line of its own."""
    server = f"server {config.get('server', '127.0.0.1')} {config.get('port', 53)}"
    return "\n".join([server, *lines, "send", ""])


def _update(zone: str, lines: list[str], config: Mapping[str, Any], limit: timedelta) -> None:
    with tempfile.TemporaryDirectory(prefix="debvisor-dns-") as folder:
        command = [NSUPDATE, "-v", "-t", f"{limit.total_seconds():.0f}"]
        secret = ""
        if config.get("key", True):
            path, secret = key_file(Path(folder))
            command += ["-k", str(path)]
        done = try_tool(command, package=PACKAGE, input=script_of(lines, config))
    said = f"{done.stderr}\n{done.stdout}"
    said = said.replace(secret, "...") if secret else said
    # It would go on without a key that it cannot read.
    if done.returncode or "could not read key" in said or "could not create key" in said:
        raise failure_of(said, zone, config.get("server", "127.0.0.1"))


def key_file(folder: Path) -> tuple[Path, str]:
    """Return a file with the key that nsupdate reads, and the secret in it.

    Never an argument, which others can see. nsupdate would go on unsigned where it cannot read it.
    """
    clause = _KEY_CLAUSE.fullmatch(credential(KEY))
    if clause is None:
        raise TaskFailed(
            f"the credential {KEY} is no key of TSIG",
            fix="write it as tsig-keygen does: key NAME { algorithm ...; secret ...; };",
            exit_status=WRONG,
        )
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text(f"{credential(KEY)}\n", encoding="utf-8")
    return path, clause["secret"]


def failure_of(said: str, zone: str, server: str) -> TaskFailed:
    """Return the failure that nsupdate tells of, in words."""
    plain = " ".join(said.split())
    match = re.search(r"update failed: ([A-Z]+)", plain)
    code = match[1] if match else next((word for word in _REFUSED if word in plain), "")
    if code in {"REFUSED", "NOTAUTH", "BADKEY", "BADSIG", "BADTIME"} or "bad key" in plain:
        why = code or "a bad key"
        return TaskFailed(
            f"{server} refuses to change {zone}: {why}",
            fix="let the zone allow updates by this key (allow-update, update-policy); compare the"
            " clocks",
            exit_status=WRONG,
        )
    if code in _UNMET:
        fix = "see `prerequisites`: nothing was changed"
        return TaskFailed(f"{zone} is not as it has to be: {code}", fix=fix, exit_status=BUSY)
    if "timed out" in plain or "connection refused" in plain or "unreachable" in plain:
        return TaskFailed(f"{server} does not answer", exit_status=UNAVAILABLE)
    if any(word in plain for word in _BAD_DATA):
        fix = "write the data as a zone file has it; try it with dry_run: true"
        return TaskFailed(f"nsupdate does not read it: {plain}", fix=fix, exit_status=WRONG)
    status = _REFUSED.get(code, FAILED)
    return TaskFailed(f"nsupdate: {plain or 'it says nothing'}", exit_status=status)


def _is_so(wanted: RecordSet, server: str, port: int, limit: timedelta) -> bool:
    """Return True where the server has the records as they are to be."""
    command = [DIG, f"@{server}", "-p", str(port), "+norecurse", "+tcp", "+tries=1"]
    command += [f"+time={max(limit.total_seconds(), 1):.0f}", "+noall", "+answer", "+comments"]
    done = try_tool([*command, "-q", wanted.name, "-t", wanted.type], package=PACKAGE)
    if done.returncode:
        raise TaskFailed(
            f"{server} does not answer: {' '.join(done.stdout.split())[:200]}",
            exit_status=UNAVAILABLE,
        )
    flags = re.search(r"^;; flags:([a-z ]*)", done.stdout, re.MULTILINE)
    if flags is None or "aa" not in flags[1].split():
        return False  # it knows nothing of its own, or says nothing
    return is_answered(done.stdout, wanted)


def is_answered(answer: str, wanted: RecordSet) -> bool:
    """Return True where the answer of dig has the records that are wanted, and no others.

    Others may be there where they are only to be added.
    """
    there = set()
    for name, ttl, kind, data in _answers(answer):
        if name == wanted.name and kind == wanted.type:
            if ttl != wanted.ttl:
                return False
            there.add(normal(data, kind))
    asked = {normal(data, wanted.type) for data in wanted.data}
    return there == asked if wanted.replaces else there >= asked


def _answers(text: str) -> Iterator[tuple[str, int, str, str]]:
    for line in text.splitlines():
        parts = line.split(None, 4)
        if len(parts) == 5 and not line.startswith(";") and parts[1].isdigit():
            yield parts[0].lower(), int(parts[1]), parts[3].upper(), parts[4]


def normal(data: str, kind: str) -> str:
    """Return data so that the same looks the same: quotes of text, case and stops of names."""
    if kind == "TXT":
        try:
            return "\0".join(shlex.split(data))
        except ValueError:
            return data
    if kind in {"A", "AAAA"}:
        with suppress(ValueError):
            return str(ipaddress.ip_address(data.strip()))
    words = data.lower().rstrip(".").split()
    return "".join(words) if kind in _DIGESTS else " ".join(words)
