# SPDX-License-Identifier: Apache-2.0
"""export units, export kubernetes and config list: jobs and settings, told elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY, TWO, World

CLOUD = """\
jobs:
  report:
    name: Weekly report
    owner: analytics
    tags: {team: x}
    schedule: {cron: "0 9 * * fri-sun", timezone: Europe/Amsterdam, catch_up: {within: 6h}}
    command: [/usr/bin/report, "$(HOME)", "100$$", "$PATH"]
    environment: {LEVEL: "3"}
    timeout: 30min
    total_timeout: 2h
    stop_timeout: 10s
    retries: {max: 2, never_on_exit: [5, 3]}
    resources: {memory_max: 1G, cpu_quota: 150%}
    enabled: false
"""


def below(output: Path, path: Path) -> Path:
    return output / path.relative_to("/")


def test_units_are_written_as_apply_would_and_the_host_is_left(
    program: Program, world: World, tmp_path: Path
) -> None:
    world.write(TWO)
    before = world.picture()
    output = tmp_path / "image"

    answer = program("export", "units", f"--output={output}")

    assert answer.code == 0, answer.err
    assert "2 jobs: 6 units and links, 1 script written" in answer.out
    assert world.picture() == before
    world.apply()
    units = below(output, world.layout.units)
    for name, entry in world.units().items():
        path = units / name
        if path.is_symlink():
            assert str(path.readlink()) == getattr(entry, "target", None)
        else:
            assert path.read_text(encoding="utf-8") == getattr(entry, "text", None)
    (script,) = below(output, world.layout.scripts).iterdir()
    assert script.read_text(encoding="utf-8") == "echo hello"
    assert script.stat().st_mode & 0o777 == 0o755


def test_a_second_export_removes_what_is_gone_and_nothing_else(
    program: Program, world: World, tmp_path: Path
) -> None:
    output = tmp_path / "image"
    units = below(output, world.layout.units)
    world.write(TWO)
    program("export", "units", f"--output={output}")
    (units / "sshd.service").write_text("[Service]\n", encoding="utf-8")
    world.write(TWO.partition("  hourly")[0])

    answer = program("export", "units", f"--output={output}")

    assert "4 removed" in answer.out
    assert not list(units.rglob("*hourly*"))
    assert (units / "sshd.service").exists()


def test_a_foreign_file_is_not_overwritten(program: Program, world: World, tmp_path: Path) -> None:
    world.write(TWO)
    units = below(tmp_path / "image", world.layout.units)
    units.mkdir(parents=True)
    (units / "debvisor-job-nightly.service").write_text("[Service]\n", encoding="utf-8")

    answer = program("export", "units", f"--output={tmp_path / 'image'}")

    assert answer.code == 4
    assert "debvisor-job-nightly.service is there, and not written by" in answer.err
    assert [path.name for path in units.iterdir()] == ["debvisor-job-nightly.service"]


def test_an_image_has_its_own_jobs_and_zone(program: Program, world: World, tmp_path: Path) -> None:
    root = tmp_path / "root"
    jobs = below(root, world.layout.jobs)
    jobs.mkdir(parents=True)
    job = 'jobs:\n  a:\n    schedule: {cron: "0 2 * * *", timezone: America/New_York}\n'
    (jobs / "a.yaml").write_text(f"{job}    command: [/bin/true]\n", encoding="utf-8")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "localtime").symlink_to("/usr/share/zoneinfo/America/New_York")

    answer = program("export", "units", f"--root={root}")

    assert answer.code == 0, answer.err
    timer = below(root, world.layout.units) / "debvisor-job-a.timer"
    text = timer.read_text(encoding="utf-8")
    assert "OnCalendar=*-*-* 02:00:00" in text
    assert f"Source={world.layout.jobs}/a.yaml:2" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no folder is named"),
        (["--output=/"], "/ is this host"),
        (["--output=/etc/passwd"], "/etc/passwd is no folder"),
        (["--root=/nowhere"], "there is no folder /nowhere"),
    ],
)
def test_folders_that_cannot_be_are_refused(
    program: Program, arguments: list[str], message: str
) -> None:
    answer = program("export", "units", *arguments)

    assert answer.code == 2
    assert message in answer.err


def test_a_link_to_the_units_of_this_host_is_not_followed(
    program: Program, world: World, tmp_path: Path
) -> None:
    world.write(NIGHTLY)
    place = tmp_path / "image" / world.layout.units.relative_to("/")
    place.parent.mkdir(parents=True)
    place.symlink_to(world.layout.units)

    answer = program("export", "units", f"--output={tmp_path / 'image'}")

    assert answer.code == 2
    assert f"leads to {world.layout.units} of this host" in answer.err


def test_a_job_becomes_a_cron_job(program: Program, world: World) -> None:
    world.write(CLOUD)

    answer = program("export", "kubernetes", "--image=reports:1", "--namespace=ops")

    assert answer.code == 0, answer.err
    (manifest,) = yaml.safe_load_all(answer.out)
    assert manifest == {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": "report",
            "namespace": "ops",
            "annotations": {
                "debvisor-timers/name": "Weekly report",
                "debvisor-timers/owner": "analytics",
                "debvisor-timers/tags": "team=x",
            },
        },
        "spec": {
            "schedule": "0 9 * * 0,5,6",
            "timeZone": "Europe/Amsterdam",
            "suspend": True,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 21600,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 2,
                    "activeDeadlineSeconds": 7200,
                    "podFailurePolicy": {
                        "rules": [
                            {
                                "action": "FailJob",
                                "onExitCodes": {"operator": "In", "values": [3, 5]},
                            }
                        ]
                    },
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "activeDeadlineSeconds": 1800,
                            "terminationGracePeriodSeconds": 10,
                            "securityContext": {"runAsUser": 0},
                            "containers": [
                                {
                                    "name": "job",
                                    "image": "reports:1",
                                    "command": ["/usr/bin/report", "$$(HOME)", "100$$$", "$PATH"],
                                    "env": [{"name": "LEVEL", "value": "3"}],
                                    "resources": {"limits": {"memory": "1Gi", "cpu": "1500m"}},
                                }
                            ],
                        }
                    },
                }
            },
        },
    }


REFUSED = [
    ("triggers: [{boot: 5min}]", "triggers: a CronJob is started by the clock alone"),
    ("depends_on: [other]", "depends_on: a CronJob waits for no other one"),
    ("conflicts_with: [other]", "conflicts_with: "),
    ("user: nobody", "user: a container does not know the users of this host"),
    ("overlap: queue", "overlap: queue: "),
    ("sandbox: strict", "sandbox: "),
    ("private_network: true", "private_network: a CronJob has nothing like it"),
    ("resources: {tasks_max: 5}", "resources.tasks_max: "),
    ("where: {host: [a]}", "where: the cluster chooses the node"),
    ("retries: {max: 1, on: [timeout]}", "retries.on: "),
    ("priority: high", "priority: it needs a PriorityClass"),
    ("unit: {Service: {MemoryLow: 1G}}", "unit: its directives are systemd's"),
]
SCHEDULES = [
    ('"0 2 L * *"', "schedule.cron: Kubernetes knows neither L, W nor #"),
    ('"0 2 */2 * 1"', "schedule.cron: Kubernetes joins a day that begins with *"),
    ("{on_calendar: '*-*-* 02:00'}", "schedule.on_calendar: "),
    ('{cron: "0 2 * * *", jitter: 5min}', "schedule.jitter: "),
    ('{cron: "0 2 * * *", exclude: ["*-12-25"]}', "schedule.exclude: "),
]


@pytest.mark.parametrize(
    ("keys", "schedule", "reason"),
    [(keys, '"0 2 * * *"', reason) for keys, reason in REFUSED]
    + [("owner: x", schedule, reason) for schedule, reason in SCHEDULES],
)
def test_what_kubernetes_cannot_do_is_refused_with_the_reason(
    program: Program, world: World, keys: str, schedule: str, reason: str
) -> None:
    world.write(
        f"jobs:\n  one:\n    schedule: {schedule}\n    command: [/bin/true]\n    {keys}\n"
        "  other:\n    schedule: '@daily'\n    script: echo $$\n"
    )

    answer = program("export", "kubernetes", "--image=x")

    assert answer.code == 4
    assert f"refused: one cannot be a CronJob\n    {reason}" in answer.err
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(answer.out)] == ["other"]


def test_what_differs_in_a_cluster_is_said(program: Program, world: World) -> None:
    world.write(CLOUD)
    told = program("export", "kubernetes", "--image=x").err
    world.write(TWO)
    plain = program("export", "kubernetes", "--image=x").err

    assert "a rule of its own" in told
    assert "Kubernetes chooses the delays between attempts itself" in told
    assert "a rule of its own" not in plain


@pytest.mark.parametrize(
    "option", ["--image=", "--image=a b", "--namespace=A b", "--namespace=-a", "--namespace=a_b"]
)
def test_names_that_no_cluster_takes_are_refused(
    program: Program, world: World, option: str
) -> None:
    world.write(NIGHTLY)

    answer = program("export", "kubernetes", "--image=debian:13", option)

    assert (answer.code, answer.out) == (2, "")
    assert f"{option.split('=')[1]!r} is no name of a" in answer.err


def test_an_unknown_job_is_named(program: Program, world: World) -> None:
    world.write(TWO)

    answer = program("export", "kubernetes", "--image=x", "nighty")

    assert answer.code == 2
    assert "did you mean 'nightly'?" in answer.err


SETTINGS = """\
defaults: {timeout: 30min, environment: {API_TOKEN: abc123, LEVEL: '3'}}
pools: {backup: 2}
channels: {ops: {exec: [/usr/local/bin/tell, --token, s3cret]}}
calendars: {holidays: ["*-12-25", "*-01-01"]}
history: {keep_runs: 50}
"""


def test_settings_in_force_are_listed_and_secrets_are_not(program: Program, world: World) -> None:
    config = world.layout.config
    (config / "config.yaml").write_text(SETTINGS, encoding="utf-8")
    (config / "tasks.d").mkdir()
    (config / "tasks.d" / "b.yaml").write_text(
        "tasks: {backup: {handler: 'backups:make', path: [/opt/tools]}}\n", encoding="utf-8"
    )
    world.write(TWO)

    answer = program("config", "list")

    assert answer.code == 0, answer.err
    lines = dict(line.split(None, 1) for line in answer.out.splitlines())
    assert lines["handlers.backup"] == "backups:make (in /opt/tools)"
    assert lines["pools.backup"] == "2 slots"
    assert lines["calendars.holidays"] == "2 days"
    assert lines["keep_generations"] == "50 (default)"
    assert lines["history.keep_runs"] == "50"
    assert lines["paths.jobs"] == str(world.layout.jobs)
    assert lines["defaults.timeout"] == "30min"
    assert "abc123" not in answer.out
    assert lines["channels.ops"] == "/usr/local/bin/tell --token '[redacted]'"
    assert "LEVEL=3" in answer.out


def test_without_handlers_that_is_said(program: Program) -> None:
    lines = program("config", "list").out.splitlines()

    assert [line.split() for line in lines if line.startswith("handlers")] == [["handlers", "none"]]


def test_settings_for_programs(program: Program, world: World) -> None:
    (world.layout.config / "config.yaml").write_text(SETTINGS, encoding="utf-8")

    document = program("config", "list", "--json").json

    assert document["history"] == {"keep_seconds": 400 * 86400.0, "keep_runs": 50}
    assert document["pools"] == {"backup": 2}
    assert document["handlers"] == {}
    assert document["defaults"]["environment"]["API_TOKEN"] == "[redacted]"


def test_wrong_settings_are_said_with_the_list(program: Program, world: World) -> None:
    (world.layout.config / "config.yaml").write_text("pools: {backup: many}\n", encoding="utf-8")

    answer = program("config", "list")

    assert answer.code == 3
    assert "paths.jobs" in answer.out
    assert "config.yaml:1:" in answer.err
