# SPDX-License-Identifier: Apache-2.0
"""export kubernetes: jobs as CronJobs."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes
from debvisor_timers.errors import ExitCode


@click.command(
    "export kubernetes",
    epilog="Example: debvisor-timers export kubernetes --image=debian:13 nightly-backup",
)
@click.option("--image", metavar="NAME", required=True, help="The image that has the programs.")
@click.option("--namespace", metavar="NAME", default="", help="The namespace of the CronJobs.")
@job_arguments
@json_option
def command(*, image: str, namespace: str, jobs: tuple[str, ...], as_json: bool) -> int:
    """Print jobs as CronJobs of Kubernetes, in YAML; changes nothing.

    Jobs that cannot be expressed there are refused, each with all its reasons. Ends with 4 then.
    """
    from debvisor_timers.scheduler import Scheduler

    done = Scheduler.system(door="cli").export_kubernetes(jobs, image=image, namespace=namespace)
    if as_json:
        document = {
            "cron_jobs": list(done.manifests.values()),
            "refused": {job: list(reasons) for job, reasons in done.refused.items()},
            "notes": list(done.notes),
        }
        echo_json(document)
        return ExitCode.REFUSED if done.refused else ExitCode.DONE
    click.echo(done.text, nl=False)
    echo_notes(done.notes)
    for job, reasons in done.refused.items():
        word = click.style("refused:", fg="red", bold=True)
        click.echo(f"{word} {job} cannot be a CronJob", err=True)
        for reason in reasons:
            click.echo(f"    {reason}", err=True)
    if done.refused:
        click.echo(f"{counted(len(done.refused), 'job')} refused", err=True)
    return ExitCode.REFUSED if done.refused else ExitCode.DONE
