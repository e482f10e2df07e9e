# SPDX-License-Identifier: Apache-2.0
"""What hosts of the pictures have: five jobs of a small one, five hundred of a large one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.browser.past import nightly
from tests.models.past_runs import PastRun

WORK = "/usr/local/bin/rehearse"
PROGRAM = """\
#!/bin/sh
# rehearse SECONDS STATUS: say something on both outputs every quarter of a second, then end.
n=0
while [ "$n" -lt "$(( $1 * 4 ))" ]; do
    n=$(( n + 1 ))
    echo "step $n: copied $(( n * 37 )) MiB"
    [ "$(( n % 3 ))" -ne 0 ] || echo "step $n: the disk answers slowly" >&2
    sleep 0.25
done
echo "the end"
exit "$2"
"""

FIVE = f"""\
# The jobs of a small host with virtual machines.
jobs:
  nightly-backup:
    name: Nightly backup
    description: Copies all machines to the backup server.
    tags: {{area: storage, what: backup}}
    owner: ops
    schedule: {{cron: "30 1 * * *", jitter: 10min}}
    timeout: 1h
    retries: {{max: 2, delay: 5min}}
    command: [{WORK}, "20", "0"]

  verify-backup:
    name: Verify the backup
    description: Restores one machine from the newest backup and boots it.
    tags: {{area: storage, what: backup}}
    schedule: "30 1 * * *"
    depends_on: [nightly-backup]
    timeout: 2h
    command: [{WORK}, "5", "0"]

  renew-certificates:
    name: Renew certificates
    description: Asks the authority for new certificates before the old ones end.
    tags: {{area: security}}
    schedule: "15 4 * * *"
    command: [{WORK}, "1", "3"]

  prune-snapshots:
    name: Prune snapshots
    tags: {{area: storage}}
    triggers:
      - {{success_of: [verify-backup]}}
    command: [{WORK}, "2", "0"]

  scrub-pool:
    name: Scrub the pool
    description: Reads all of the pool and mends what has rotted.
    tags: {{area: storage}}
    priority: low
    schedule: "0 3 * * sun"
    timeout: 8h
    command: [{WORK}, "10", "0"]
"""

_OUTPUT = ("collecting machines", "vm-101: copied 18432 MiB", "vm-102: copied 7168 MiB", "done")


def past_of_five() -> Iterator[PastRun]:
    """Yield forty days: a backup that grows, certificates that fail of late, a weekly scrub."""
    growing = [21 + 0.5 * day + (day * 7 % 5) for day in range(40)]
    yield from nightly(
        "nightly-backup", days=40, hour=1, minutes=growing, failed=(17, 18), output=_OUTPUT
    )
    yield from nightly("verify-backup", days=40, hour=2, minutes=(31, 28, 35, 30), failed=(17, 18))
    yield from nightly(
        "renew-certificates",
        days=40,
        hour=4,
        minutes=(0.4, 0.5, 0.42, 0.61, 0.46, 0.38, 0.55),
        failed=(1, 2, 9),
    )
    yield from nightly("prune-snapshots", days=38, hour=3, minutes=(2, 3, 2.5))
    for run in nightly("scrub-pool", days=40, hour=3, minutes=(240, 251, 236)):
        if run.began.weekday() == 6:
            yield run


_KINDS = ("backup", "snapshot", "report", "sync", "check", "scrub", "rotate", "export")
_PLACES = ("web", "mail", "db", "files", "build", "ldap", "proxy", "cache", "queue", "wiki")


def five_hundred() -> str:
    """Return the file of 500 jobs of a large host; some depend on others, some are low."""
    lines = ["jobs:"]
    for number in range(500):
        kind, place = _KINDS[number % 8], _PLACES[number // 8 % 10]
        lines += [
            f"  {_id(number)}:",
            f"    name: {kind.capitalize()} {place} {number // 80 + 1}",
            f"    description: Does the {kind} of {place}-{number // 80 + 1}.",
            f"    tags: {{what: {kind}, where: {place}}}",
            f'    schedule: "{number * 7 % 60} {number % 24} * * *"',
            "    timeout: 30min",
            f'    command: [{WORK}, "1", "0"]',
        ]
        if number % 8 == 4:
            lines.append(f"    depends_on: [{_id(number - 4)}]")
        if number % 5 == 0:
            lines.append("    priority: low")
    return "\n".join([*lines, ""])


def past_of_five_hundred() -> Iterator[PastRun]:
    """Yield twelve days of each job; some failed last, some failed before."""
    now = datetime.now(UTC)
    for number in range(500):
        at = now.replace(hour=number % 24, minute=number * 7 % 60, second=0, microsecond=0)
        newest = at - timedelta(days=int(at > now - timedelta(minutes=10)))
        for ago in range(12):
            failed = (number % 97 == 7 and ago < 2) or (number + ago) % 53 == 50
            yield PastRun(
                job=_id(number),
                began=newest - timedelta(days=ago),
                took=timedelta(seconds=40 + number * 13 % 400 + ago * 3),
                status=1 if failed else 0,
            )


def _id(number: int) -> str:
    return f"{_KINDS[number % 8]}-{_PLACES[number // 8 % 10]}-{number // 80 + 1}"
