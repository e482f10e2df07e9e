# SPDX-License-Identifier: Apache-2.0
"""chain: which ends of other jobs a job has to answer, and when it is started for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers.runtime import chain
from tests.unit.runtime.manager import Systemd

ALL = {"X-SuccessOf": ["a b"]}
ANY = {"X-AnySuccessOf": ["a b"]}
FAILURE = {"X-FailureOf": ["a b"]}


def success(run: str, end: int) -> dict[str, str]:
    """Return the last run of a job that succeeded."""
    return {
        "DEBVISOR_RUN_ID": run,
        "DEBVISOR_RESULT": "success",
        "DEBVISOR_END_USEC": str(end),
        "DEBVISOR_SUCCESS_RUN": run,
        "DEBVISOR_SUCCESS_USEC": str(end),
    }


def failure(run: str, end: int, before: dict[str, str] | None = None) -> dict[str, str]:
    """Return the last run of a job that failed, after this one."""
    newest = {k: v for k, v in (before or {}).items() if k.startswith("DEBVISOR_SUCCESS_")}
    return {
        "DEBVISOR_RUN_ID": run,
        "DEBVISOR_RESULT": "exit-code",
        "DEBVISOR_END_USEC": str(end),
        **newest,
    }


def target(start: int, *runs: str) -> dict[str, str]:
    """Return the last run of the target, which answered these."""
    return {"DEBVISOR_START_USEC": str(start), "DEBVISOR_TRIGGER_RUNS": " ".join(runs)}


@pytest.mark.parametrize(
    ("triggers", "last", "lasts", "runs"),
    [
        (ALL, {}, {"a": success("1", 10)}, []),
        (ALL, {}, {"a": success("1", 10), "b": success("2", 20)}, ["a:1", "b:2"]),
        (ALL, {}, {"a": success("1", 10), "b": failure("2", 20)}, []),
        # b has failed since, but has succeeded since the target's last run.
        (ALL, {}, {"a": success("1", 10), "b": failure("3", 30, success("2", 20))}, ["a:1", "b:2"]),
        (ALL, target(15), {"a": success("1", 10), "b": success("2", 20)}, []),
        (ALL, target(15), {"a": success("3", 30), "b": success("2", 20)}, ["a:3", "b:2"]),
        # Answered, though it ended after the target began: the target's own id tells.
        (ALL, target(5, "a:1", "b:2"), {"a": success("1", 10), "b": success("2", 20)}, []),
        (ANY, {}, {"a": success("1", 10)}, ["a:1"]),
        (ANY, target(15), {"a": success("1", 10), "b": success("2", 20)}, ["b:2"]),
        (ANY, target(5, "a:1"), {"a": success("1", 10)}, []),
        (ANY, {}, {"a": failure("1", 10)}, []),
        (FAILURE, {}, {"a": failure("1", 10)}, ["a:1"]),
        (FAILURE, {}, {"a": failure("1", 10) | {"DEBVISOR_STOPPED": "1"}}, []),
        (FAILURE, {}, {"a": success("1", 10)}, []),
        (FAILURE, {}, {"a": failure("1", 10), "b": failure("2", 20)}, ["a:1", "b:2"]),
        (FAILURE, target(5, "a:1"), {"a": failure("1", 10)}, []),
        (ALL | FAILURE, {}, {"a": failure("1", 10)}, ["a:1"]),
        ({"X-SuccessOf": ["a", "b"]}, {}, {"b": success("2", 20)}, ["b:2"]),
        ({}, {}, {}, []),
    ],
)
def test_what_a_job_has_to_answer(
    triggers: dict[str, list[str]],
    last: dict[str, str],
    lasts: dict[str, dict[str, str]],
    runs: list[str],
) -> None:
    assert chain.unanswered(triggers, last, lasts) == runs


class Host:
    """A host with a job `t` that is started by `a` and `b`."""

    def __init__(self, folder: Path, systemd: Systemd) -> None:
        self.folder, self.systemd = folder, systemd
        for name in ("units", "state/last", "run"):
            (folder / name).mkdir(parents=True)
        unit = "[Service]\nX-SuccessOf=a b\nX-FailureOf=c\n"
        (folder / "units/debvisor-job-t.service").write_text(unit, encoding="utf-8")
        systemd.units["debvisor-timers.target"] = ("active", "active", "", 0)

    def last(self, job: str, fields: dict[str, str]) -> None:
        text = "".join(f"{name}={value}\n" for name, value in fields.items())
        (self.folder / "state/last" / job).write_text(text, encoding="utf-8")

    def both_succeeded(self) -> None:
        self.last("a", success("1", 10))
        self.last("b", success("2", 20))

    @property
    def request(self) -> dict[str, object] | None:
        path = self.folder / "run/requests/t.json"
        found: dict[str, object] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return found or None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    for name, folder in ("UNITS", "units"), ("STATE", "state"), ("RUNTIME", "run"):
        monkeypatch.setattr(chain.notes, name, f"{tmp_path}/{folder}")
    address = str(tmp_path / "private")
    real = chain.bus.asking
    monkeypatch.setattr(chain.bus, "asking", lambda step: real(step, address))
    with Systemd(address) as systemd:
        yield Host(tmp_path, systemd)


def test_a_job_is_started_once_there_is_something_to_answer(host: Host) -> None:
    host.last("a", success("1", 10))
    assert chain.go_on("a", "t") == "t has nothing to answer"
    assert (host.systemd.started, host.request) == ([], None)
    host.both_succeeded()
    assert chain.go_on("b", "t") == "t is started, for a:1 b:2"
    assert host.systemd.started == ["debvisor-job-t.service"]
    assert host.request is not None
    assert (host.request["trigger"], host.request["runs"]) == ("chain", ["a:1", "b:2"])


def test_nothing_is_started_while_the_brake_is_on(host: Host) -> None:
    host.both_succeeded()
    host.systemd.units["debvisor-timers.target"] = ("inactive", "dead", "", 0)
    assert chain.go_on("b", "t") == "t is not started: debvisor-timers.target is stopped"
    assert host.systemd.started == []


def test_a_job_that_runs_is_left_no_request_that_a_later_start_would_take(host: Host) -> None:
    host.both_succeeded()
    host.systemd.units["debvisor-job-t.service"] = ("activating", "start", "start", 9)
    chain.go_on("b", "t")
    assert host.request is None


def test_a_job_that_is_about_to_end_is_started_once_more_when_it_has(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.both_succeeded()
    units, slept = host.systemd.units, list[float]()
    # The start that is under way is its own: another would be one with it.
    units["debvisor-job-t.service"] = ("deactivating", "stop-post", "start", 7)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            units["debvisor-job-t.service"] = ("failed", "failed", "", 0)

    monkeypatch.setattr("time.sleep", sleep)
    chain.go_on("t", "t")
    assert len(slept) == 3
    assert host.request is not None
    assert host.systemd.started == ["debvisor-job-t.service"]


def test_the_note_of_a_failure_before_end_is_waited_for(host: Host) -> None:
    host.systemd.units["debvisor-timers-notify@c.service"] = ("activating", "start", "start", 3)
    asked = host.systemd.calls

    class Units(dict[str, tuple[str, str, str, int]]):
        def get(self, name: str, default: object = None) -> tuple[str, str, str, int]:
            if name.startswith("debvisor-timers-notify@") and len(asked) > 2:
                host.last("c", failure("3", 30))
                return ("inactive", "dead", "", 0)
            return super().get(name, ("inactive", "dead", "", 0))

    host.systemd.units = Units(host.systemd.units)
    assert chain.go_on("c", "t") == "t is started, for c:3"
