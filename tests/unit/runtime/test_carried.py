# SPDX-License-Identifier: Apache-2.0
"""carried: results that go with a virtual machine; a fake virsh keeps its metadata in files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers.runtime import begin, carried, chain, end, notes, where
from tests.unit.runtime.manager import Systemd
from tests.unit.runtime.test_gate import Host, zone

__all__ = ["zone"]

NODE = "node2"
HOUR = 3_600_000_000
UUID = "bb5398af-65a0-4766-9b2b-7750213cdcb4"
REQUIRES = "X-Requires=snapshot | 1s"

VIRSH = """\
#!/bin/sh
# A libvirt with one machine; FOLDER/uuid is missing where it is on another host.
cd {folder}
[ "$1" = --readonly ] && shift
[ -e uuid ] || {{ echo "error: failed to get domain 'vm-1'" >&2; exit 1; }}
case "$1" in
domuuid) cat uuid; exit 0;;
esac
shift 3  # metadata --domain vm-1
[ "$1" = --uri ] && file=$(basename "$2") && shift 2
if [ "$1" != --key ]; then
    [ -e "$file.xml" ] && cat "$file.xml" && exit 0
    echo "error: metadata not found: Requested metadata element is not present" >&2
    exit 1
fi
echo "$*" >>changes
if [ -e refusal ] && [ "$6" = --config -o "$5" = --live ] && [ "$#" -ge "$(cat words)" ]; then
    cat refusal >&2
    exit 1
fi
echo "$4" >"$file.xml"
"""


class Machine:
    """vm-1, as libvirt on this host has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrive()

    def arrive(self, uuid: str = UUID) -> None:
        (self.folder / "uuid").write_text(f"{uuid}\n", encoding="utf-8")

    def leave(self) -> None:
        (self.folder / "uuid").unlink()

    def refuse(self, text: str, words: int) -> None:
        """Let a change fail that has so many arguments or more."""
        (self.folder / "refusal").write_text(text, encoding="utf-8")
        (self.folder / "words").write_text(str(words), encoding="utf-8")

    def brings(self, attributes: str, job: str = "snapshot") -> None:
        element = f"<result {attributes}/>\n"
        (self.folder / f"{job}.xml").write_text(element, encoding="utf-8")

    def has(self, job: str = "snapshot") -> dict[str, str]:
        path = self.folder / f"{job}.xml"
        return carried.parse(path.read_text(encoding="utf-8")) if path.exists() else {}

    def changes(self) -> list[str]:
        """Return how the changes that were tried were to count."""
        lines = (self.folder / "changes").read_text(encoding="utf-8").splitlines()
        return [" ".join(word for word in line.split() if word in MODES) for line in lines]


MODES = {"--live", "--config"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    folder = tmp_path / "libvirt"
    folder.mkdir()
    script = tmp_path / "virsh"
    script.write_text(VIRSH.format(folder=folder), encoding="utf-8")
    script.chmod(0o755)
    load = begin.beside

    def beside(name: str) -> object:
        module = load(name)
        if name == "where":
            module.VIRSH = str(script)
        return module

    monkeypatch.setattr(begin, "beside", beside)
    monkeypatch.setattr(end, "beside", beside)
    monkeypatch.setattr(where, "VIRSH", str(script))
    return Machine(folder)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Systemd(str(tmp_path / "private")) as systemd:
        host = Host(tmp_path, systemd)
        unit = "[Service]\nX-WhereVm=vm-1\nX-Carry=vm-1\n"
        (tmp_path / "units/debvisor-job-snapshot.service").write_text(unit, encoding="utf-8")
        yield host


def usec(*, ago: float) -> int:
    return round((time.time() - ago) * 1_000_000)


def success(*, ago: float, machine: str = UUID, host: str = "node1") -> str:
    """Return what a machine brings of a run that was a success elsewhere."""
    moment = usec(ago=ago)
    said = f'machine="{machine}" host="{host}" run="r-elsewhere" result="success" end="{moment}"'
    return f'{said} success="{moment}" success-run="r-elsewhere"'


def failure(*, ago: float) -> str:
    said = f'machine="{UUID}" host="node1" run="r-bad" result="exit-code"'
    return f'{said} end="{usec(ago=ago)}"'


def daily(host: Host, *, due_ago: float) -> None:
    """Let `snapshot` be due each day, last so many seconds ago; here it was skipped then."""
    moment = time.gmtime(time.time() - due_ago)
    calendar = f"*-*-* {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    host.timer("snapshot", calendar, next_usec=host.begun_usec + HOUR)
    away = "virtual machine vm-1 does not run on this host"
    host.ended("snapshot", ago=due_ago, DEBVISOR_SKIPPED=away)


# --- what another job makes of it ----------------------------------------------------------------


def test_a_success_on_the_host_before_does(host: Host, machine: Machine) -> None:
    daily(host, due_ago=1800)
    machine.brings(success(ago=1700))
    assert host.reason(REQUIRES) == ""


def test_no_success_on_any_host_is_told_as_such(host: Host, machine: Machine) -> None:
    daily(host, due_ago=1800)
    where_asked = ", here or where vm-1 ran before"
    assert host.reason(REQUIRES) == f"snapshot never ran{where_asked}"
    machine.brings(success(ago=3600))
    reason = host.reason(REQUIRES)
    assert reason.startswith("snapshot has not succeeded since it was due 2")
    assert reason.endswith(where_asked)


def test_a_failure_on_the_host_before_is_told_with_its_host(host: Host, machine: Machine) -> None:
    daily(host, due_ago=1800)
    said = failure(ago=1700)
    machine.brings(f'{said} success="{usec(ago=90000)}" success-run="r-old"')
    assert host.reason(REQUIRES) == "snapshot failed (run r-bad on node1)"


def test_a_run_whose_end_is_not_known_is_told_never_taken_for_a_success(
    host: Host, machine: Machine
) -> None:
    daily(host, due_ago=1800)
    machine.brings(f'{success(ago=3600)} begun="r-lost"')
    doubt = "snapshot began on node1 (run r-lost), how it ended is not known here"
    assert host.reason(REQUIRES) == doubt
    machine.brings(f'machine="{UUID}" host="node1" begun="r-lost"')
    assert host.reason(REQUIRES) == doubt


def test_a_job_without_a_schedule_counts_by_its_newest_run_on_any_host(
    host: Host, machine: Machine
) -> None:
    host.ended("snapshot", ago=600)
    assert host.reason(REQUIRES) == ""
    machine.brings(failure(ago=300))
    assert host.reason(REQUIRES) == "snapshot failed (run r-bad on node1)"
    machine.brings(f'{success(ago=300)} begun="r-lost"')
    assert "how it ended is not known here" in host.reason(REQUIRES)
    machine.brings(failure(ago=900))
    assert host.reason(REQUIRES) == ""


def test_with_max_age_the_newest_success_on_any_host_counts(host: Host, machine: Machine) -> None:
    host.ended("snapshot", ago=9000)
    limit = f"{REQUIRES} | 3600s"
    assert host.reason(limit) == "the last success of snapshot is too old (2h 30min)"
    machine.brings(success(ago=1800))
    assert host.reason(limit) == ""
    machine.brings(success(ago=7200))
    assert host.reason(limit) == "the last success of snapshot is too old (2h)"


def test_a_clone_does_not_have_the_results_of_what_it_was_made_from(
    host: Host, machine: Machine
) -> None:
    daily(host, due_ago=1800)
    machine.brings(success(ago=1700, machine="0f0f0f0f-65a0-4766-9b2b-7750213cdcb4"))
    assert host.reason(REQUIRES) == "snapshot never ran, here or where vm-1 ran before"


def test_a_result_of_the_future_is_doubted(host: Host, machine: Machine) -> None:
    daily(host, due_ago=1800)
    machine.brings(success(ago=-3600))
    doubt = "snapshot ended in the future: the clock of node1 is ahead"
    assert host.reason(REQUIRES) == doubt


def test_of_its_own_runs_this_host_knows_best(
    host: Host, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash: the machine was told of the begin, and `last/` has the end."""
    here = os.uname().nodename
    daily(host, due_ago=1800)
    machine.brings(f'machine="{UUID}" host="{here}" begun="r-crash"')
    host.ended("snapshot", "lost", ago=1000)
    assert host.reason(REQUIRES) == "snapshot failed (run snapshot-run)"


def test_where_the_machine_is_gone_this_host_alone_counts(host: Host, machine: Machine) -> None:
    machine.leave()
    daily(host, due_ago=1800)
    assert host.reason(REQUIRES) == "snapshot never ran"


@pytest.mark.parametrize("element", ["", "<result/>", '<result end="x" machine="y"/>', '"" "" ""'])
def test_what_makes_no_sense_counts_for_nothing(element: str) -> None:
    assert "DEBVISOR_RESULT" not in carried.parse(element)


def test_no_answer_of_libvirt_fails_the_run(host: Host, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "virsh").write_text("#!/bin/sh\necho no daemon >&2; exit 1\n", encoding="utf-8")
    with pytest.raises(ChildProcessError, match="libvirt gives no answer about vm-1: no daemon"):
        host.reason(REQUIRES)


# --- who is started by the ends of others ---------------------------------------------------------


def answers(host: Host, monkeypatch: pytest.MonkeyPatch, starts: str) -> list[str]:
    """Return the runs that `archive` has to answer, of the trigger `starts`."""
    places = {"STATE": f"{host.folder}/state", "UNITS": f"{host.folder}/units"}
    for name, place in places.items():
        monkeypatch.setattr(chain.notes, name, place)
    monkeypatch.setattr(chain, "beside", end.beside)
    for job, line in (("archive", starts), ("verify", "")):
        unit = f"[Service]\nX-Carry=vm-1\n{line}\n"
        path = host.folder / f"units/debvisor-job-{job}.service"
        path.write_text(unit, encoding="utf-8")
    jobs = ("snapshot", "verify")
    lasts = {job: chain.last(job) for job in jobs}
    return chain.unanswered(chain.triggers_of("archive"), chain.last("archive"), lasts)


def test_successes_on_two_hosts_start_a_job_on_the_second(
    host: Host, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = "X-SuccessOf=snapshot verify"
    host.ended("verify", DEBVISOR_SUCCESS_RUN="v-here")
    success_run = host.folder / "state/last/verify"
    success_run.write_text(success_run.read_text() + "DEBVISOR_SUCCESS_RUN=v-here\n")
    assert answers(host, monkeypatch, both) == []
    machine.brings(success(ago=600))
    assert answers(host, monkeypatch, both) == ["snapshot:r-elsewhere", "verify:v-here"]


def test_what_was_answered_elsewhere_is_not_answered_again(
    host: Host, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = "X-AnySuccessOf=snapshot"
    machine.brings(success(ago=600))
    assert answers(host, monkeypatch, one) == ["snapshot:r-elsewhere"]
    ran = f'{success(ago=500)} start="{usec(ago=610)}"'
    machine.brings(f'{ran} answers="snapshot:r-elsewhere"', job="archive")
    assert answers(host, monkeypatch, one) == []
    machine.brings(f'{ran} begun="a-2" begun-start="{usec(ago=550)}"', job="archive")
    assert answers(host, monkeypatch, one) == []


# --- what the machine is told --------------------------------------------------------------------


class Ending:
    """The end of a run of `snapshot`, as `carried` sees it."""

    def __init__(self, host: Host) -> None:
        self.job, self.notes, self.beside = "snapshot", notes, end.beside
        notes_state = str(host.folder / "state")
        self.notes = type("Notes", (), {"STATE": notes_state, "read": staticmethod(notes.read)})()


def begun(host: Host, name: str = "r2") -> None:
    host.reason("X-Carry=vm-1", DEBVISOR_RUN_ID=name)
    host.run.job = "snapshot"
    carried.begun(host.run)


def test_a_machine_is_told_of_begin_and_end(host: Host, machine: Machine) -> None:
    begun(host)
    assert machine.has()["CARRIED_BEGUN"] == "r2"
    host.ended("snapshot", "exit-code")
    carried.ended(Ending(host), "vm-1")
    assert machine.has() == {
        "CARRIED_MACHINE": UUID,
        "CARRIED_HOST": os.uname().nodename,
        "DEBVISOR_RUN_ID": "snapshot-run",
        "DEBVISOR_RESULT": "exit-code",
        "DEBVISOR_END_USEC": str(host.begun_usec),
    }
    assert machine.changes() == ["--live --config"] * 2


def test_a_success_elsewhere_outlasts_a_failure_here(host: Host, machine: Machine) -> None:
    machine.brings(success(ago=60))
    begun(host)
    assert machine.has()["DEBVISOR_SUCCESS_RUN"] == "r-elsewhere"
    host.ended("snapshot", "exit-code")
    carried.ended(Ending(host), "vm-1")
    assert machine.has()["DEBVISOR_RESULT"] == "exit-code"
    assert machine.has()["DEBVISOR_SUCCESS_RUN"] == "r-elsewhere"


@pytest.mark.parametrize(
    ("refusal", "then"),
    [
        ("error: Requested operation is not valid: domain is not running", "--config"),
        ("error: transient domains do not have any persistent config", "--live"),
    ],
)
def test_a_machine_that_is_off_or_transient_is_told_as_far_as_can_be(
    host: Host, machine: Machine, refusal: str, then: str
) -> None:
    machine.refuse(refusal, words=6)
    begun(host)
    assert machine.changes() == ["--live --config", then]
    assert machine.has()["CARRIED_BEGUN"] == "r2"


def test_a_failure_before_begin_is_told_and_an_older_success_outlasts_it(
    host: Host, machine: Machine
) -> None:
    machine.brings(success(ago=60))
    host.ended("snapshot", "exit-code")
    carried.noted(Ending(host), "vm-1")
    assert machine.has()["DEBVISOR_RESULT"] == "exit-code"
    assert machine.has()["DEBVISOR_SUCCESS_RUN"] == "r-elsewhere"
    carried.noted(Ending(host), "vm-1")
    assert len(machine.changes()) == 1


def test_a_run_that_was_cut_off_is_a_doubt_no_more(host: Host, machine: Machine) -> None:
    begun(host)
    host.ended("snapshot", "lost")
    carried.noted(Ending(host), "vm-1")
    assert machine.has()["DEBVISOR_RESULT"] == "lost"
    assert "CARRIED_BEGUN" not in machine.has()


def test_the_mark_of_a_later_run_stays(host: Host, machine: Machine) -> None:
    host.ended("snapshot", "exit-code", ago=10)
    begun(host)
    carried.noted(Ending(host), "vm-1")
    assert machine.has()["CARRIED_BEGUN"] == "r2"
    assert machine.has()["DEBVISOR_RESULT"] == "exit-code"


def test_a_machine_that_is_elsewhere_is_told_nothing(
    host: Host, machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.leave()
    host.ended("snapshot", "exit-code")
    carried.noted(Ending(host), "vm-1")
    assert capfd.readouterr().err == ""


def test_that_a_machine_has_left_meanwhile_is_said_and_fails_nothing(
    host: Host, machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.leave()
    host.ended("snapshot")
    carried.ended(Ending(host), "vm-1")
    assert capfd.readouterr().err == (
        "<4>debvisor-timers: run of snapshot: on another host its result will not be known: "
        "vm-1 does not take it: it is not on this host any more\n"
    )


def test_that_libvirt_refuses_is_said_and_fails_nothing(
    host: Host, machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.refuse("error: cannot acquire state change lock", words=1)
    begun(host)
    assert "vm-1 does not take it: error: cannot acquire state change lock" in (
        capfd.readouterr().err
    )
