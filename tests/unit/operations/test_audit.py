# SPDX-License-Identifier: Apache-2.0
"""Every change through the scheduler is in the audit, as a link of a chain that is whole."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from debvisor_timers.errors import (
    DefinitionError,
    NotFoundError,
    PermissionRefusedError,
    RefusedError,
    SystemdError,
)
from debvisor_timers.history.audit import AuditEvent, AuditRecord, AuditResult
from debvisor_timers.history.caller import Caller
from debvisor_timers.history.chain import Fault, NotedDigest
from debvisor_timers.history.records import AUDIT_MESSAGE_ID, JournalRecord
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.auditing import audited as audited_module
from debvisor_timers.operations.auditing.attempts import AttemptNote
from debvisor_timers.operations.auditing.audit_head import HeadFile
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.world import NIGHTLY, TWO, World

ROOT = Caller(uid=0, user="root", sudo_uid=1000, sudo_user="alice", door="cli")
BOB = Caller(uid=1001, user="bob", door="cli")


class Host:
    """A world behind the scheduler of root, and what was said beside the answers."""

    def __init__(self, world: World, caller: Caller = ROOT) -> None:
        self.world = world
        self.said: list[str] = []
        self.scheduler = Scheduler(world.host, caller, tell=self.said.append)

    def apply(self, text: str, *, yes: bool = True) -> ApplyResult:
        self.world.write(text)
        return self.scheduler.apply(ApplyOptions(confirm_removal=lambda _plan: yes))

    def audit(self, **wanted: object) -> list[AuditEvent]:
        return [r.event for r in self.records(**wanted)]

    def records(self, **wanted: object) -> Sequence[AuditRecord]:
        return self.scheduler.audit(AuditFilter(**wanted))  # type: ignore[arg-type]

    def faults(self) -> set[Fault]:
        return {finding.fault for finding in self.scheduler.verify_audit().findings}

    def head(self) -> Path:
        return self.world.layout.audit_head

    def journal(self) -> list[JournalRecord]:
        records = self.world.systemd.state.records
        return [each for each in records if each.get("MESSAGE_ID") == AUDIT_MESSAGE_ID]

    def forget(self, *records: JournalRecord) -> None:
        """Take records away from the journal."""
        for record in records:
            self.world.systemd.state.records.remove(record)

    def reboot(self) -> None:
        (self.world.layout.runtime / "audit-sent").unlink()


@pytest.fixture
def host(world: World) -> Host:
    return Host(world)


# --- what is in it -------------------------------------------------------------------------------


def test_an_apply_says_who_what_and_how_the_units_changed(host: Host) -> None:
    host.apply(NIGHTLY)
    host.apply(TWO.replace("0 2 * * *", "0 3 * * *"))

    second, first = host.audit()

    assert (first.verb, first.jobs, first.result) == ("apply", ("nightly",), "done")
    assert (first.what, first.generation) == ("1 created, 0 updated, 0 removed", 1)
    assert first.caller == ROOT
    assert first.time == host.world.systemd.clock.now()
    assert first.host == os.uname().nodename
    assert (second.what, second.generation) == ("1 created, 1 updated, 0 removed", 2)
    assert second.jobs == ("hourly", "nightly")
    assert "-OnCalendar=*-*-* 02:00:00\n+OnCalendar=*-*-* 03:00:00" in second.diff
    assert host.scheduler.verify_audit().is_whole
    assert host.said == []


def test_an_apply_that_changes_nothing_is_not_in_it(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply(NIGHTLY)
    host.world.systemd.state.steps.clear()

    monkeypatch.setattr(audited_module.Attempt, "begin", None)
    host.apply(NIGHTLY)

    assert len(host.audit()) == 1
    assert host.world.systemd.state.steps.done == []


def test_a_change_of_what_no_unit_says_is_in_it(host: Host) -> None:
    host.apply(NIGHTLY)
    host.apply(f"{NIGHTLY}    owner: ops\n")

    second, first = host.audit()
    assert (second.generation, first.generation) == (2, 1)
    assert "+LogExtraFields=DEBVISOR_OWNER=ops" in second.diff.splitlines()


def test_a_change_of_the_configuration_is_shown_without_its_secrets(host: Host) -> None:
    host.apply(NIGHTLY)
    config = host.world.layout.config / "config.yaml"
    channel = """channels: {{ops: {{exec: [/bin/true, "--password={0} and {0}", "a\\n+b"]}}}}\n"""
    config.write_text(channel.format("hunter2x"), encoding="utf-8")
    host.apply(NIGHTLY)
    config.write_text(f"{channel.format('hunter3x')}metrics: {{textfile: /a/b.prom}}\n", "utf-8")
    host.apply(NIGHTLY.replace("/bin/true", "/bin/false"))

    both, channels, _ = host.audit()

    assert channels.what == "0 created, 0 updated, 0 removed, other settings"
    assert channels.generation == 2
    assert channels.diff.splitlines()[3:] == [
        r"+channels.ops.exec=/bin/true '--password=[redacted]' 'a\n+b'"
    ]
    assert both.what == "0 created, 1 updated, 0 removed, other settings"
    assert "+metrics.textfile=/a/b.prom" in both.diff.splitlines()
    assert "/bin/false" in both.diff
    assert "hunter" not in str(host.journal())


def test_a_start_a_stop_and_a_repetition_are_in_it(host: Host) -> None:
    host.apply(NIGHTLY)
    service = "debvisor-job-nightly.service"
    host.world.systemd.set_outcome(service, Outcome.failure(3))
    ended = host.scheduler.run("nightly", wait=True)
    host.scheduler.retry("nightly", None, wait=False)
    host.scheduler.run("nightly", wait=False, force=True)

    forced, retry, run, _ = host.audit()

    assert ended.run is not None
    assert (run.verb, run.jobs, run.result) == ("run", ("nightly",), "done")
    assert run.what == f"run {ended.run.id}"
    assert (retry.verb, retry.what) == ("retry", f"again {ended.run.id}")
    assert forced.what == "whatever it depends on"


def test_a_stop_that_found_nothing_is_not_in_it(host: Host) -> None:
    host.apply(NIGHTLY)

    assert host.scheduler.stop("nightly") is False
    assert [event.verb for event in host.audit()] == ["apply"]


def test_a_name_that_is_no_text_breaks_no_digest(world: World) -> None:
    """The journal gives back bytes that are not UTF-8 as something else."""
    strange = replace(ROOT, sudo_user="b\udcff\x1b[31m\nb" + "x" * 1000)
    host = Host(world, strange)
    host.apply(NIGHTLY)

    (event,) = host.audit()

    assert event.caller.sudo_user.startswith("b??[31m?bxxx")
    assert len(event.caller.sudo_user) == 256
    assert host.faults() == set()


def test_a_refusal_is_in_it_with_its_reason(host: Host) -> None:
    host.apply(NIGHTLY)
    with pytest.raises(RefusedError):
        host.apply("jobs: {}\n")

    refused = host.audit()[0]

    assert (refused.result, refused.verb) == (AuditResult.REFUSED, "apply")
    assert refused.error == "nothing was applied: it would remove every job of this host (1)"
    assert host.scheduler.verify_audit().is_whole


def test_what_makes_no_sense_is_no_attempt(host: Host) -> None:
    host.apply(NIGHTLY)
    with pytest.raises(NotFoundError):
        host.scheduler.run("nihgtly", wait=False)
    with pytest.raises(NotFoundError):
        host.scheduler.stop("nihgtly")
    with pytest.raises(DefinitionError):
        host.apply("jobs: {a: {shedule: x}}\n")

    assert len(host.audit()) == 1
    assert list(host.world.layout.attempts.iterdir()) == []


def test_an_apply_that_was_undone_says_so(host: Host) -> None:
    host.world.systemd.state.steps.fail_on("manager.reload")
    with pytest.raises(SystemdError):
        host.apply(NIGHTLY)

    (event,) = host.audit()

    assert event.result is AuditResult.UNDONE
    assert event.error.startswith("apply failed while reloading systemd")


def test_an_apply_that_failed_before_its_first_step_has_failed(host: Host) -> None:
    host.world.systemd.state.steps.fail_on("journal.records")
    host.world.systemd.state.steps.fail_on("units.read")
    host.world.write(NIGHTLY)
    (host.world.layout.state / "apply.json").mkdir(parents=True)
    with pytest.raises(SystemdError):
        host.apply(NIGHTLY)

    assert [event.result for event in host.audit()] == [AuditResult.FAILED]


def test_an_interrupted_wait_for_a_run_is_a_start_all_the_same(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply(NIGHTLY)

    def interrupted(*_: object, **__: object) -> Mapping[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(host.world.systemd.manager, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        host.scheduler.run("nightly", wait=True)

    run = host.audit()[0]
    assert (run.verb, run.result, run.error) == ("run", "done", "interrupted")


def test_recovery_is_in_it_where_there_was_something_to_recover(host: Host) -> None:
    host.scheduler.recover()
    assert host.audit() == []
    record = ApplyRecord(
        generation=1,
        before={},
        after={},
        scripts=(),
        obsolete_scripts=(),
        stopped=(),
        started=(),
        forgotten=(),
        due={},
        waiting={},
    )
    record_file(host.world.host).write(record)

    host.scheduler.recover()

    (event,) = host.audit()
    assert (event.verb, event.what) == ("recover", "an apply that had been cut off was undone")


def test_later_verbs_use_the_same_door(host: Host) -> None:
    with host.scheduler.attempt("delete", jobs=["old"], file="jobs.d/old.yaml") as attempt:
        attempt.begin()
        attempt.done("1 job")

    (event,) = host.audit()
    assert (event.verb, event.jobs, event.file) == ("delete", ("old",), "jobs.d/old.yaml")


def test_a_diff_is_bounded_and_says_how_much_is_left_out(host: Host) -> None:
    jobs = [f"  j{n}: {{schedule: '@daily', command: [/bin/true]}}\n" for n in range(60)]
    host.apply(f"jobs:\n{''.join(jobs)}")

    (event,) = host.audit()

    assert len(event.jobs) == 60
    assert 20_000 < len(event.diff) < 33_000
    assert event.diff.splitlines()[-1].startswith("... too long: the rest of ")


def test_what_is_asked_for_is_found(host: Host) -> None:
    host.apply(TWO)
    host.scheduler.run("hourly", wait=False)
    host.world.systemd.advance_to(host.world.systemd.clock.now().replace(minute=30))
    noon = host.world.systemd.clock.now()
    host.scheduler.run("nightly", wait=False)

    assert [event.jobs for event in host.audit(job="hourly")] == [
        ("hourly",),
        ("hourly", "nightly"),
    ]
    assert [event.verb for event in host.audit(verb="run", since=noon)] == ["run"]
    assert len(host.audit(until=noon.replace(minute=29))) == 2
    assert len(host.audit(who="alice")) == 3
    assert len(host.audit(who="1000")) == 3
    assert host.audit(who="bob") == []
    assert len(host.audit(limit=2)) == 2


# --- secrets -------------------------------------------------------------------------------------

SECRET = "s3cr3tValue"
WITH_SECRETS = f"""\
jobs:
  leaky:
    schedule: "@daily"
    description: see https://me:{SECRET}@host/
    environment:
      DB_PASSWORD: {SECRET}
      DSN: "postgres://me:{SECRET}@db/x"
      KEY_MATERIAL: "-----BEGIN PRIVATE KEY-----{SECRET}-----END PRIVATE KEY-----"
    command: [/bin/x, --password, "{SECRET}", "--token={SECRET}", "https://h/?api_key={SECRET}&a=b"]
    input: the password is {SECRET}
"""


def fail(host: Host, *, file: str, words: str) -> None:
    with host.scheduler.attempt("config", file=file) as attempt:
        attempt.begin()
        raise RuntimeError(words)


def test_no_secret_is_in_the_journal_or_the_head(host: Host) -> None:
    host.apply(WITH_SECRETS)
    host.apply(WITH_SECRETS.replace(SECRET, f"{SECRET}2"))
    with pytest.raises(RuntimeError):
        fail(host, file=f"https://me:{SECRET}@host/", words=f"password={SECRET}")

    assert len(host.audit()) == 3
    assert "DB_PASSWORD=[redacted]" in host.audit()[1].diff
    encoded = base64.b64encode(f"the password is {SECRET}".encode())[:12].decode()
    for text in (str(host.world.systemd.state.records), host.head().read_text(encoding="utf-8")):
        assert SECRET not in text
        assert encoded not in text


# --- the chain -----------------------------------------------------------------------------------


def three(host: Host) -> list[JournalRecord]:
    host.apply(TWO)
    host.scheduler.run("nightly", wait=False)
    host.scheduler.run("hourly", wait=False)
    return host.journal()


def test_a_record_that_is_taken_away_is_missed(host: Host) -> None:
    first, second, third = three(host)
    assert host.faults() == set()

    host.forget(third)
    assert host.faults() == {Fault.MISSING_AT_END}
    host.world.systemd.state.records.append(third)
    host.forget(second)
    assert host.faults() == {Fault.GAP}
    host.forget(first)
    assert host.faults() == set()
    assert host.scheduler.verify_audit().vacuumed == 2


def test_a_record_that_is_changed_is_found_and_marked(host: Host) -> None:
    _, second, _ = three(host)
    host.forget(second)
    fields = {**second.fields, "DEBVISOR_AUDIT_USER": ("mallory",)}
    host.world.systemd.state.records.append(replace(second, fields=fields))

    assert host.faults() == {Fault.CHANGED}
    assert {record.is_whole for record in host.records(verb="run")} == {True, False}


def test_the_head_is_on_the_disk_before_the_journal_has_the_record(host: Host) -> None:
    """A crash in between: the next change sends it again."""
    host.apply(NIGHTLY)
    host.world.systemd.state.steps.fail_on("journal.send", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        host.scheduler.run("nightly", wait=False)

    assert len(host.journal()) == 1
    proof = host.scheduler.verify_audit()
    assert (proof.is_whole, proof.unsent, proof.last) == (True, 1, 1)
    assert [event.verb for event in host.audit()] == ["run", "apply"]

    host.scheduler.run("nightly", wait=False)
    assert len(host.journal()) == 3
    assert host.scheduler.verify_audit().unsent == 0
    assert host.faults() == set()


def test_what_the_journal_lost_in_a_power_cut_is_sent_again(host: Host) -> None:
    _, _, third = three(host)
    host.forget(third)
    host.reboot()

    assert host.scheduler.verify_audit().unsent == 1
    host.scheduler.run("nightly", wait=False)

    assert len(host.journal()) == 4
    assert host.faults() == set()


def test_what_the_journal_kept_over_a_reboot_is_not_sent_again(host: Host) -> None:
    three(host)
    host.reboot()

    host.scheduler.run("nightly", wait=False)

    assert len(host.journal()) == 4
    assert host.faults() == set()


def test_a_dead_journal_keeps_no_change_from_being_made_and_nothing_is_lost(host: Host) -> None:
    host.apply(NIGHTLY)
    for _ in range(2):
        host.world.systemd.state.steps.fail_on("journal.send")
        host.scheduler.run("nightly", wait=False)

    assert len(host.world.ran()) == 2
    assert host.said[0] == (
        "the audit is kept, and sent to the journal by the next change:"
        " the twin was told to fail at journal.send"
    )
    assert host.scheduler.verify_audit().unsent == 2
    assert host.faults() == set()

    host.scheduler.run("nightly", wait=False)
    assert len(host.journal()) == 4
    assert host.faults() == set()


def test_a_journal_that_does_not_come_to_the_disk_is_told(host: Host) -> None:
    host.world.systemd.state.steps.fail_on("journal.sync")
    host.apply(NIGHTLY)

    assert "journal.sync" in host.said[0]
    host.scheduler.run("nightly", wait=False)
    assert len(host.journal()) == 2
    assert host.faults() == set()


def test_a_head_that_cannot_be_written_is_told_and_leaves_a_record_without_a_chain(
    host: Host,
) -> None:
    host.apply(NIGHTLY)
    (host.world.layout.state / ".audit.json.new").mkdir()

    host.scheduler.run("nightly", wait=False)

    assert host.said[0].startswith("the audit's chain cannot be written: cannot write ")
    assert [event.verb for event in host.audit()] == ["run", "apply"]
    assert host.faults() == {Fault.UNCHAINED}


def test_a_lost_head_begins_a_new_chain_aloud(host: Host) -> None:
    three(host)
    host.head().unlink()
    assert host.faults() == {Fault.NO_HEAD, Fault.BEGUN_ANEW}

    host.scheduler.run("nightly", wait=False)

    assert host.said == [f"the audit begins a new chain: its head, {host.head()}, was lost"]
    assert host.faults() == {Fault.BEGUN_ANEW}
    assert len(host.audit()) == 4


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"chain":"a","number":1,"digest":"b","records":[]}', "\xff"]
)
def test_a_broken_head_is_set_aside_and_begins_a_new_chain_aloud(host: Host, text: str) -> None:
    three(host)
    host.head().write_text(text, encoding="latin-1")
    assert Fault.NO_HEAD in host.faults()

    host.scheduler.run("nightly", wait=False)

    assert host.said[0].startswith("the audit begins a new chain: ")
    assert host.head().with_suffix(".broken").read_text(encoding="latin-1") == text
    assert host.faults() == {Fault.BEGUN_ANEW}


def test_a_head_whose_record_was_changed_is_broken(host: Host) -> None:
    three(host)
    text = host.head().read_text(encoding="utf-8")
    host.head().write_text(text.replace('"alice"', '"mallo"'), encoding="utf-8")

    assert Fault.NO_HEAD in host.faults()


@pytest.mark.parametrize(("name", "value"), [("chain", None), ("chain", "c" * 16), ("number", 7)])
def test_a_head_that_names_another_place_than_its_record_has_is_broken(
    host: Host, name: str, value: object
) -> None:
    """Where the journal has vacuumed that record, nothing else contradicts it."""
    host.apply(NIGHTLY)
    head = json.loads(host.head().read_text(encoding="utf-8"))
    assert HeadFile(host.world.layout).read() is not None

    host.head().write_text(json.dumps({**head, name: value}), encoding="utf-8")

    with pytest.raises(SystemdError, match="its newest record is not the one that it names"):
        HeadFile(host.world.layout).read()


def test_whoever_may_read_the_jobs_may_read_the_head(host: Host) -> None:
    host.apply(NIGHTLY)

    assert host.head().stat().st_mode & 0o777 == 0o640
    assert host.head().stat().st_gid == host.world.layout.config.stat().st_gid


def test_a_noted_head_is_found_again(host: Host) -> None:
    host.apply(NIGHTLY)
    head = host.scheduler.verify_audit().head
    assert head is not None
    noted = NotedDigest(digest=head.digest, number=head.number)
    host.scheduler.run("nightly", wait=False)

    assert host.scheduler.verify_audit(noted).noted == "the noted digest is that of record 1"
    assert not host.scheduler.verify_audit(replace(noted, digest="ab" * 32)).is_whole


# --- who is not root -----------------------------------------------------------------------------


def test_the_refusal_of_another_user_is_told_by_himself(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply(NIGHTLY)

    def refused(*_: object, **__: object) -> Mapping[str, str]:
        raise PermissionRefusedError("only root may do this")

    monkeypatch.setattr(host.world.systemd.manager, "start", refused)
    bob = Host(host.world, BOB)
    with pytest.raises(PermissionRefusedError):
        bob.scheduler.run("nightly", wait=False)
    sent = host.journal()[-1]
    host.forget(sent)
    fields = {**sent.fields, "_UID": ("1001",)}  # the twin has one user
    host.world.systemd.state.records.append(replace(sent, fields=fields))

    attempt = host.records()[0]

    assert "DEBVISOR_AUDIT_NUMBER" not in sent.fields
    assert (attempt.event.verb, attempt.event.jobs) == ("run", ("nightly",))
    assert (attempt.event.result, attempt.event.caller.uid) == (AuditResult.REFUSED, 1001)
    assert attempt.seal is None
    assert host.faults() == set()
    assert host.scheduler.verify_audit().attempts == 1
    assert list(host.world.layout.attempts.iterdir()) == []


# --- who is killed -------------------------------------------------------------------------------


def leave_dead_note(host: Host, event: AuditEvent) -> Path:
    note = AttemptNote.leave(host.world.layout.attempts, event)
    os.close(note._descriptor)  # as the kernel does when a process dies
    return note.path


def test_who_is_killed_in_the_middle_is_in_the_audit_by_the_next_change(host: Host) -> None:
    host.apply(NIGHTLY)
    event = replace(host.audit()[0], id="feed", diff="", generation=None, verb=None)
    path = leave_dead_note(host, event)

    host.scheduler.run("nightly", wait=False)

    assert not path.exists()
    found = {each.id: each.result for each in host.audit()}
    assert found["feed"] is AuditResult.CUT_OFF
    assert len(found) == 3
    assert host.faults() == set()


def test_who_is_killed_after_the_head_was_written_is_told_once(host: Host) -> None:
    host.apply(NIGHTLY)
    leave_dead_note(host, host.audit()[0])

    host.scheduler.run("nightly", wait=False)

    assert [(event.verb, event.result) for event in host.audit()] == [
        ("run", "done"),
        ("apply", "done"),
    ]


def test_a_note_that_makes_no_sense_is_taken_away(host: Host) -> None:
    host.world.layout.attempts.mkdir(parents=True)
    (host.world.layout.attempts / "odd").write_text(json.dumps([1]), encoding="utf-8")

    host.apply(NIGHTLY)

    assert list(host.world.layout.attempts.iterdir()) == []
    assert len(host.audit()) == 1


def test_what_is_under_way_is_shown(host: Host) -> None:
    host.apply(NIGHTLY)
    with host.scheduler.attempt("run", jobs=["nightly"]) as attempt:
        attempt.begin()
        now = host.records()[0]

    assert (now.event.verb, now.event.result) == ("run", AuditResult.UNDER_WAY)
    assert len(host.audit()) == 1
