# SPDX-License-Identifier: Apache-2.0
"""Tasks as real jobs: their handlers, what they return, how far they are; one that runs once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host

HANDLERS = r"""
import asyncio, os, pathlib, time

from debvisor_timers import report_progress


def told(config):
    print("uid", os.getuid())
    return {"size": config["size"], "name": "n\u00e4me"}


def large(config):
    return {"text": "x" * 100_000}


class NoLuck(Exception):
    exit_status = 65
    result = {"failed": ["vm-1"]}


def unlucky(config):
    raise NoLuck("no luck\n  fix: try another")


def slow(config):
    for step in range(1, 4):
        report_progress(step / 4, f"step {step}")
        time.sleep(1.1)
    while not pathlib.Path("/run/go-on").exists():
        time.sleep(0.05)


async def waits(config):
    print("waiting", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print("cleaned up", flush=True)


def rights(config):
    pathlib.Path("/etc/mine").write_text("x")
"""

TYPES = """
tasks:
  told:
    handler: things:told
    path: [/opt/things]
    parameters:
      additionalProperties: false
      properties: {size: {type: integer, default: 7, description: How much.}}
    defaults: {user: nobody, sandbox: strict, timeout: 1min}
  large: {handler: "things:large", path: [/opt/things]}
  unlucky:
    handler: things:unlucky
    path: [/opt/things]
    defaults: {retries: {max: 2, delay: 0, never_on_exit: [65]}}
  slow: {handler: "things:slow", path: [/opt/things], defaults: {user: nobody}}
  waits: {handler: "things:waits", path: [/opt/things]}
  rights: {handler: "things:rights", path: [/opt/things], defaults: {user: nobody}}
  echo:
    exec: [/usr/bin/printf, "%s|", "{words}", "--x={one}"]
    parameters:
      properties:
        words: {type: array, items: {type: string}}
        one: {type: string}
  set: {exec: [/usr/bin/env], defaults: {environment: {A: "100% $b"}, sandbox: standard}}
  sleep: {exec: [/usr/bin/sleep, "{seconds}"], parameters: {properties: {seconds: {type: integer}}}}
"""

JOBS = """
jobs:
  told: {task: {type: told}}
  large: {task: {type: large}}
  unlucky: {task: {type: unlucky}}
  slow: {task: {type: slow}}
  waits: {task: {type: waits}}
  rights: {task: {type: rights}}
  echo: {task: {type: echo, config: {words: ["a b", "$(id)", "%n"], one: "'"}}}
  point: {task: {type: pointed}}
"""

METADATA = "/usr/lib/python3/dist-packages/pointed-1.dist-info"


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        box.write("/opt/things/things.py", HANDLERS)
        box.write("/etc/debvisor/timers/tasks.d/things.yaml", TYPES, 0o640)
        box.write(f"{METADATA}/METADATA", "Metadata-Version: 2.1\nName: pointed\nVersion: 1\n")
        box.write(
            f"{METADATA}/entry_points.txt",
            "[debvisor_timers.tasks]\npointed = posixpath:basename\n",
        )
        host.apply(JOBS)
        yield host


def await_words(host: Host, command: str) -> None:
    """Wait until a command ends well."""
    host.box.wait_until(lambda: host.box.run(command, check=False).returncode == 0, 30, command)


def newest(host: Host, job: str) -> dict[str, object]:
    found: dict[str, object] = host.json("history", job)[0]
    return found


def test_what_a_handler_returns_is_the_result_of_its_run(host: Host) -> None:
    work.start(host, "told")
    host.box.run(["journalctl", "--sync"])

    run = newest(host, "told")

    assert run["task_result"] == {"size": 7, "name": "näme"}
    assert run["outcome"] == "succeeded"
    shown = host.cli("show", "told", "--run", str(run["run"])).stdout
    assert " task result  size: 7\n" in shown
    assert "uid 65534" in host.box.journal("--unit", work.unit("told"))
    host.cli("maintain")  # into the index
    assert newest(host, "told")["task_result"] == run["task_result"]


def test_who_waits_for_a_run_sees_its_result(host: Host) -> None:
    assert host.cli("run", "told", "--wait").stdout.endswith("\n  size: 7\n  name: näme\n")
    result = host.json("run", "unlucky", "--wait", expect=5)["task_result"]
    assert result == {"failed": ["vm-1"]}


def test_of_a_long_result_its_length_is_kept(host: Host) -> None:
    work.start(host, "large")
    host.box.run(["journalctl", "--sync"])

    assert newest(host, "large")["task_result"] == {"omitted_bytes": 100_012}


def test_an_exception_with_a_status_is_told_without_a_traceback(host: Host) -> None:
    work.start(host, "unlucky")
    host.box.run(["journalctl", "--sync"])

    run = newest(host, "unlucky")

    assert (run["exit_status"], run["attempts"]) == (65, 1)
    assert run["task_result"] == {"failed": ["vm-1"]}
    said = host.box.journal("--unit", work.unit("unlucky"))
    assert "fix: try another" in said
    assert "Traceback" not in said


def test_progress_is_seen_while_it_runs(host: Host) -> None:
    host.box.run(["systemctl", "start", "--no-block", work.unit("slow")])
    try:
        await_words(host, "debvisor-timers list | grep '^slow .* running, 75 % step 3'")
        document = host.json("show", "slow")
        assert document["progress"] == {"fraction": 0.75, "text": "step 3"}
    finally:
        host.box.run("touch /run/go-on")
    work.await_ends(host, "slow")
    assert host.json("show", "slow")["progress"] is None


def test_a_stop_lets_an_asynchronous_handler_clean_up(host: Host) -> None:
    unit = work.unit("waits")
    host.box.run(["systemctl", "start", "--no-block", unit])
    await_words(host, f"journalctl --sync; journalctl --unit {unit} | grep waiting")

    host.cli("stop", "waits")

    host.box.run(["journalctl", "--sync"])
    assert "cleaned up" in host.box.journal("--unit", unit)
    assert newest(host, "waits")["outcome"] == "stopped"


def test_a_handler_has_the_rights_of_its_job_and_no_others(host: Host) -> None:
    work.start(host, "rights")

    assert newest(host, "rights")["exit_status"] == 1
    assert "PermissionError" in host.box.journal("--unit", work.unit("rights"))
    assert host.box.run("test -e /etc/mine", check=False).returncode == 1


def test_parameters_reach_a_program_byte_for_byte(host: Host) -> None:
    work.start(host, "echo")
    host.box.run(["journalctl", "--sync"])

    assert "a b|$(id)|%n|--x='|" in host.box.journal("--unit", work.unit("echo"), "--output=cat")


def test_a_handler_of_an_installed_distribution_is_found(host: Host) -> None:
    assert "pointed" not in host.cli("check").stderr
    listed = {each["type"]: each["from"] for each in host.json("task", "list")}
    assert (listed["pointed"], listed["told"], listed["vm_snapshot"]) == (
        "installed",
        "tasks.d",
        "shipped",
    )
    work.start(host, "point")
    said = host.box.journal("--unit", work.unit("point"))
    assert "expected str, bytes or os.PathLike object, not dict" in said


def test_a_task_once_has_the_user_and_the_sandbox_of_its_type(host: Host) -> None:
    done = host.cli("task", "run", "told", "size=3")

    assert done.stdout.splitlines() == ["uid 65534", '{"size": 3, "name": "näme"}']
    environment = host.cli("task", "run", "set").stdout.splitlines()
    assert "A=100% $b" in environment
    words = '["$HOME", "${HOME}", "$$", "%n", "a b"]'
    said = host.cli("task", "run", "echo", f"words={words}", "one=$HOME").stdout
    assert said == "$HOME|${HOME}|$$|%n|a b|--x=$HOME|"
    assert host.box.run("systemctl list-units --all 'debvisor-task-*' --no-legend").stdout == ""
    events = host.json("audit", "--verb", "run")
    assert events[0]["file"] == "task echo"


def test_a_task_once_ends_as_the_task_does(host: Host) -> None:
    done = host.cli("task", "run", "unlucky", expect=65)

    assert "no luck" in done.stderr
    assert host.cli("task", "run", "told", "seize=3", expect=2).stderr.startswith(
        "error: seize: unknown parameter 'seize'; did you mean 'size'?"
    )
    assert "only root" in host.cli("task", "run", "told", expect=4, user="nobody").stderr


def test_ctrl_c_stops_a_task_once(host: Host) -> None:
    task = host.box.spawn(["debvisor-timers", "task", "run", "sleep", "seconds=600"])
    host.box.wait_until("pgrep -fx '/usr/bin/sleep 600'", 20, "it runs")
    host.box.run("pkill -INT -f 'task run [s]leep'")
    _, said = task.communicate(timeout=120)

    assert task.returncode == 128 + signal.SIGINT, said
    assert host.box.run("systemctl list-units --all 'debvisor-task-*' --no-legend").stdout == ""


def test_a_wrong_parameter_stops_an_apply_at_its_line(host: Host) -> None:
    host.write("jobs:\n  bad:\n    task: {type: told, config: {size: big}}\n", "bad.yaml")
    try:
        said = host.cli("apply", "--yes", expect=3).stderr
        assert "bad.yaml:3:39: error: task.config.size: 'big' is not a whole number" in said
    finally:
        host.box.run("rm /etc/debvisor/timers/jobs.d/bad.yaml")


def test_tasks_are_shown_for_people_and_programs(host: Host) -> None:
    shown = host.cli("task", "show", "told").stdout
    assert "    size (a whole number; default 7)\n        How much.\n" in shown
    assert json.loads(host.cli("task", "show", "vm_snapshot", "--json").stdout)["aliases"] == [
        "create_snapshot"
    ]
    assert "did you mean 'told'?" in host.cli("task", "show", "tald", expect=2).stderr
