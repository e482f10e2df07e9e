# SPDX-License-Identifier: Apache-2.0
"""audit: who changed what, and whether the record of it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import complete_job, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_table
from debvisor_timers.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from debvisor_timers.history.audit import AuditRecord
    from debvisor_timers.history.chain import NotedDigest, Proof
    from debvisor_timers.operations.auditing.audit_read import AuditFilter
    from debvisor_timers.scheduler import Scheduler

_TITLES = ("TIME", "WHO", "WHAT", "RESULT")
_VERBS = (
    *("apply", "run", "retry", "stop", "renew", "recover", "create", "update", "delete", "pause"),
    *("resume", "skip-next", "maintenance", "backfill"),
    *("rollback", "restore", "import", "token", "config", "prune", "register"),
    *("try", "confirm", "notify"),
)


@click.command("audit", epilog="Example: debvisor-timers audit --job nightly-backup --diff")
@click.option("--job", metavar="JOB", shell_complete=complete_job, help="About this job.")
@click.option("--who", metavar="USER", help="By this user, by name or number.")
@click.option("--verb", type=click.Choice(_VERBS), metavar="VERB", help="What was asked for.")
@click.option("--since", metavar="T", help="From this time on.")
@click.option("--until", metavar="T", help="Up to this time.")
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many."
)
@click.option("--diff", "with_diff", is_flag=True, help="Show how the units were changed.")
@click.option("--verify", is_flag=True, help="Check that nothing was changed or taken away.")
@click.option("--head", "noted", metavar="HEAD", help="With --verify: what it has shown earlier.")
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    job: str | None,
    who: str | None,
    verb: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    with_diff: bool,
    verify: bool,
    noted: str | None,
    as_json: bool,
) -> int:
    """Show who changed what on this host, newest first; refused attempts too.

    With --verify: check that the record is whole, and exit with 10 where it is not.
    """
    from debvisor_timers.operations.auditing.audit_read import AuditFilter
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if noted is not None and not verify:
        raise UsageError("--head is of use with --verify only", fix="add --verify")
    if verify and (with_diff or any((job, who, verb, since, until))):
        raise UsageError("--verify checks all of it", fix="leave out what chooses some of it")
    if verify:
        return _verify(scheduler, noted, as_json=as_json)
    wanted = AuditFilter(
        job=job or "",
        who=who or "",
        verb=verb or "",
        since=None if since is None else scheduler.timestamp(since),
        until=None if until is None else scheduler.timestamp(until),
        limit=limit,
    )
    _show(scheduler, wanted, with_diff=with_diff, as_json=as_json)
    return ExitCode.DONE


def _show(scheduler: Scheduler, wanted: AuditFilter, *, with_diff: bool, as_json: bool) -> None:
    records = scheduler.audit(wanted)
    if as_json:
        from debvisor_timers.operations.documents.audit import audit_document

        echo_json([audit_document(record) for record in records])
    elif not records:
        click.echo("nothing was changed, as far as the audit reaches")
    elif with_diff:
        for number, record in enumerate(records):
            click.echo(("\n" if number else "") + click.style(_line(record), bold=True))
            if record.event.diff:
                click.echo(record.event.diff)
    else:
        echo_table(_TITLES, [_cells(record) for record in records])


def _verify(scheduler: Scheduler, noted: str | None, *, as_json: bool) -> int:
    proof = scheduler.verify_audit(None if noted is None else _noted(noted))
    if as_json:
        from debvisor_timers.operations.documents.audit import proof_document

        echo_json(proof_document(proof))
    else:
        for line in _proof_lines(proof):
            click.echo(line)
    for finding in proof.findings:
        word = click.style("tampered:", fg="red", bold=True)
        click.echo(f"{word} {finding.text}", err=True)
    return ExitCode.DONE if proof.is_whole else ExitCode.CHANGES


def _noted(text: str) -> NotedDigest:
    from debvisor_timers.history.chain import NotedDigest

    number, _, digest = text.strip().rpartition(":")
    is_digest = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    is_number = not number or (number.isascii() and number.isdecimal())
    if not (is_digest and is_number):
        raise UsageError(
            f"{text!r} is no head", fix="write NUMBER:DIGEST as `audit --verify` has shown it"
        )
    return NotedDigest(digest=digest, number=int(number) if number else None)


def _proof_lines(proof: Proof) -> list[str]:
    lines = []
    if proof.checked:
        numbers = f", {proof.first} to {proof.last}" if proof.first else ""
        lines.append(f"{counted(proof.checked, 'record')} checked{numbers}")
    else:
        lines.append("no records to check")
    if proof.vacuumed:
        were = "was" if proof.vacuumed == 1 else "were"
        lines.append(f"{counted(proof.vacuumed, 'older one')} {were} vacuumed with the journal")
    if proof.unsent:
        lines.append(
            f"{counted(proof.unsent, 'record')} in the head alone: sent again by the next change"
        )
    if proof.attempts:
        lines.append(f"{counted(proof.attempts, 'refused attempt')} of other users, in no chain")
    if proof.noted:
        lines.append(proof.noted)
    if proof.head:
        lines.append(f"head {proof.head.number}:{proof.head.digest}")
    lines.append("whole" if proof.is_whole else f"{counted(len(proof.findings), 'finding')}")
    return lines


def _cells(record: AuditRecord) -> tuple[str, ...]:
    event = record.event
    return times.short(event.time), str(event.caller), event.words, _result(record)


def _line(record: AuditRecord) -> str:
    time, who, what, result = _cells(record)
    error = f" ({record.event.error})" if record.event.error else ""
    made = record.event.generation
    generation = f" (generation {made})" if made is not None else ""
    return f"{time}  {who}: {what}{generation}: {result}{error}"


def _result(record: AuditRecord) -> str:
    return str(record.event.result) if record.is_whole else f"{record.event.result} (changed!)"
