# SPDX-License-Identifier: Apache-2.0
"""The table of keys is whole, and explain, the man page and the escape hatch agree with it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.jobs import owned
from debvisor_timers.jobs.explain import example_of, explain, first_clause
from debvisor_timers.jobs.keys import Key, config_table, table
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Sandbox
from debvisor_timers.jobs.reference import config_reference, reference, sandbox_reference
from debvisor_timers.jobs.sandbox import EXPLAINED, PRESETS
from debvisor_timers.jobs.yamltext import to_yaml

KEYS = [*table(), *config_table()]

WHOLE_OIDC = {
    "issuer": "https://login.example.org",
    "audience": "debvisor-timers",
    "roles": {"timers:read": "viewer"},
    "client_id": "debvisor-timers",
}
NAMES = """
name description was schedule schedule.cron schedule.on_calendar schedule.timezone schedule.catch_up
schedule.jitter schedule.dst schedule.exclude
triggers triggers.boot triggers.path_changed triggers.path_exists
triggers.success_of triggers.any_success_of triggers.failure_of
command script shell task task.type task.config input owner tags priority user group timeout
total_timeout
stop_timeout retries retries.max retries.delay retries.factor retries.max_delay
retries.never_on_exit retries.on environment environment_files credentials encrypted_credentials
working_directory umask sandbox private_network
conditions conditions.path_exists conditions.path_exists_glob conditions.path_is_directory
conditions.path_is_symbolic_link conditions.path_is_mount_point conditions.path_is_read_write
conditions.path_is_encrypted conditions.directory_not_empty conditions.file_not_empty
conditions.file_is_executable conditions.ac_power conditions.virtualization conditions.host
conditions.architecture conditions.kernel_command_line conditions.memory conditions.cpus
conditions.memory_pressure conditions.cpu_pressure conditions.io_pressure
resources resources.memory_max resources.memory_high resources.cpu_quota resources.tasks_max
resources.io_weight depends_on depends_on.job depends_on.unit depends_on.type depends_on.wait
depends_on.max_age conflicts_with conflicts_with.job conflicts_with.policy conflicts_with.wait
overlap pool pool.name pool.slots pool.wait where where.vm_active where.host
notify notify.failure notify.after notify.repeat notify.recovery notify.success notify.skipped
notify.started notify.long_running notify.long_running.after notify.long_running.channels
notify.missed notify.missed_after notify.lost notify.disabled
ping ping.start ping.success ping.failure
enabled unit unit.Unit unit.Service unit.Timer unit.Path
"""
CONFIG_NAMES = """
defaults keep_generations calendars maintenance_windows maintenance_windows.cron
maintenance_windows.on_calendar maintenance_windows.duration maintenance_windows.from
maintenance_windows.until maintenance_windows.timezone maintenance_windows.reason
maintenance_windows.jobs maintenance_windows.except pools channels
channels.mail channels.mail.to channels.mail.from channels.mail.smtp channels.mail.smtp.host
channels.mail.smtp.port channels.mail.smtp.security channels.mail.smtp.user
channels.mail.smtp.password channels.mail.smtp.password.credential channels.webhook
channels.webhook.url channels.webhook.url.credential channels.webhook.headers
channels.webhook.secret channels.webhook.secret.credential channels.ntfy channels.ntfy.url
channels.ntfy.url.credential channels.ntfy.token channels.ntfy.token.credential channels.slack
channels.slack.url channels.slack.url.credential channels.matrix channels.matrix.server
channels.matrix.room channels.matrix.token channels.matrix.token.credential channels.teams
channels.teams.url channels.teams.url.credential channels.exec channels.timeout
channels.give_up_after channels.quiet_hours channels.quiet_hours.from channels.quiet_hours.until
channels.quiet_hours.timezone channels.quiet_hours.except_priority channels.digest
channels.digest.more_than channels.digest.within
links pings pings.jobs pings.ping pings.ping.start pings.ping.success pings.ping.failure
notifications notifications.apply_failed history history.keep history.keep_runs
metrics metrics.textfile
policy policy.members policy.task_types policy.users policy.raw_commands policy.directives
policy.pools policy.max_jobs
web web.trusted_proxies web.origins web.peers web.session
web.requests_per_second web.changes_per_minute web.connections_per_client
web.failures web.lock_out web.oidc web.oidc.issuer
web.oidc.audience web.oidc.roles web.oidc.claim web.oidc.name_claim web.oidc.client_id
web.oidc.client_secret web.oidc.client_secret.credential web.oidc.redirect_uri starts_per_minute
"""


def test_the_table_has_each_key() -> None:
    assert [key.name for key in table()] == NAMES.split()
    assert [key.name for key in config_table()] == CONFIG_NAMES.split()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_row_is_whole(key: Key) -> None:
    assert key.type
    assert key.help.endswith(".")
    assert key.example is not None
    assert re.fullmatch(r"\d+\.\d+", key.since)


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("timeout", "duration | infinity", "1h"),
        ("priority", "critical | high | normal | low", "normal"),
        ("schedule.cron", "cron expression", "none"),
        ("triggers.boot", "duration", "none"),
        ("pool.name", "pool name", ""),
        ("pool", "pool name | mapping", "the pool `default`, where config.yaml has it"),
        ("enabled", "true | false", "true"),
        ("command", "list of text", "none"),
        ("environment", "mapping of names to text", "nothing"),
        ("depends_on", "list of job ids or mappings", "nothing"),
        ("credentials", "mapping of names to path", "nothing"),
        ("umask", "octal digits", "0022"),
        ("private_network", "true | false", "false"),
        ("conditions.path_exists", "path | list of them", "nothing"),
        ("resources.tasks_max", "number", "the limit of systemd"),
    ],
)
def test_types_and_defaults_are_told_in_words(name: str, kind: str, default: str) -> None:
    (key,) = [key for key in table() if key.name == name]

    assert (key.type, key.default) == (kind, default)


def test_a_mapping_of_calendars_is_told_in_words() -> None:
    (key,) = [key for key in config_table() if key.name == "calendars"]

    assert key.type.startswith("mapping of calendar names to list of dates")


@pytest.mark.parametrize("key", table(), ids=lambda key: key.name)
def test_the_example_of_a_key_is_a_job_that_loads(key: Key, tmp_path: Path) -> None:
    example = example_of(key)
    program = {} if {"command", "script", "task"} & example.keys() else {"command": ["/bin/true"]}
    if key.name.startswith("schedule.") and key.name not in {
        "schedule.cron",
        "schedule.on_calendar",
    }:
        assert isinstance(example["schedule"], dict)
        example["schedule"]["cron"] = "@daily"
    path = tmp_path / "a.yaml"
    path.write_text(to_yaml({"jobs": {"a": {**program, **example}}}), encoding="utf-8")

    assert load_files([path]).problems == ()


@pytest.mark.parametrize("key", config_table(), ids=lambda key: key.name)
def test_the_example_of_a_setting_loads(key: Key, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    example = example_of(key)
    if key.name.startswith("maintenance_windows."):
        example["maintenance_windows"] = [whole_window(example["maintenance_windows"])]
    if key.name.startswith("web.oidc."):
        web = example["web"]
        assert isinstance(web, dict)
        example["web"] = {"oidc": {**WHOLE_OIDC, **web["oidc"]}}
    if key.name.startswith("notifications"):
        example["channels"] = {"ops": {"exec": ["/bin/true"]}}
    path.write_text(to_yaml(example), encoding="utf-8")

    assert load_files([path]).problems == ()


def whole_window(example: object) -> dict[str, object]:
    """Return the example of a key of a maintenance window with what else the window needs."""
    assert isinstance(example, list)
    (window,) = example
    if {"from", "until"} & window.keys():
        return {"from": "2026-12-01 00:00", "until": "2027-01-01 00:00", **window}
    if {"cron", "on_calendar"} & window.keys():
        return {"duration": "1h", **window}
    return {"cron": "@daily", "duration": "1h", **window}


def test_explain_tells_what_is_known_of_a_key() -> None:
    assert str(explain("timeout")) == (
        "timeout\n"
        "  How long an attempt may take; what it waits for before it begins is not\n"
        "  counted. After that it gets SIGTERM, and SIGKILL when `stop_timeout` has\n"
        "  passed too. A number alone means seconds; `infinity` sets no limit.\n"
        "\n"
        "  type       duration | infinity\n"
        "  default    1h\n"
        "  in units   TimeoutStartSec=\n"
        "  since      0.1\n"
        "  example\n"
        "    timeout: 30min"
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("schedule", "schedule"),
        ("schedule.cron", "schedule.cron"),
        ("triggers[0].boot", "triggers.boot"),
        ("triggers.0.boot", "triggers.boot"),
        ("jobs.timeout", "timeout"),
        ("defaults.timeout", "timeout"),
        ("keep_generations", "keep_generations"),
    ],
)
def test_explain_finds_a_key(asked: str, found: str) -> None:
    explanation = explain(asked)

    assert explanation.key is not None
    assert explanation.key.name == found


def test_explain_lists_the_keys_below() -> None:
    assert [key.name for key in explain("resources").below] == [
        "resources.memory_max",
        "resources.memory_high",
        "resources.cpu_quota",
        "resources.tasks_max",
        "resources.io_weight",
    ]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_first_clause_of_each_key_says_what_it_is(key: Key) -> None:
    assert len(first_clause(key).split()) > 1


def test_explain_tells_the_presets_directive_by_directive() -> None:
    text = str(explain("sandbox"))

    assert "\n  none: no directive\n" in text
    for preset in (Sandbox.STANDARD, Sandbox.STRICT):
        _, _, told = text.partition(f"\n  {preset}\n")
        for one in EXPLAINED[preset]:
            assert f"    {one.name}={one.value}\n      {one.help}" in told
    assert explain("timeout").presets == {}


def test_each_directive_of_a_preset_is_told_on_one_line() -> None:
    for one in {one for directives in EXPLAINED.values() for one in directives}:
        assert one.help
        assert len(one.help) < 82
        assert not one.help.endswith(".")
        assert one.line.replace("_", r"\_").replace("~", r"\~") in sandbox_reference()


def test_explain_lists_all_keys() -> None:
    text = str(explain())

    assert all(f"  {name} " in text for name in NAMES.split() if "." not in name)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("tiemout", "timeout"),
        ("shedule.corn", "schedule.cron"),
        ("memory_max", "resources.memory_max"),
    ],
)
def test_explain_names_the_nearest_key(asked: str, nearest: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        explain(asked)

    assert raised.value.message == f"unknown key '{asked}'; did you mean '{nearest}'?"
    assert raised.value.fix == f"debvisor-timers explain {nearest}"


def test_explain_of_nonsense() -> None:
    with pytest.raises(NotFoundError) as raised:
        explain("qqq")

    assert raised.value.message == "unknown key 'qqq'"


@pytest.mark.parametrize("text", [reference(), config_reference(), sandbox_reference()])
@pytest.mark.skipif(shutil.which("scdoc") is None, reason="needs scdoc")
def test_the_man_page_is_accepted_by_scdoc(text: str) -> None:
    page = f"x(5)\n\n# NAME\n\nx - y\n\n{text}"

    subprocess.run(["scdoc"], input=page, text=True, capture_output=True, check=True, timeout=10)


def test_the_man_page_has_each_key() -> None:
    for key in table():
        assert f"*{key.name}*".replace("_", r"\_") in reference()


@pytest.mark.parametrize("section", [owned.UNIT, owned.SERVICE, owned.TIMER])
def test_a_refused_directive_names_only_keys_that_exist(
    section: dict[str, owned.Refusal],
) -> None:
    names = {key.name for key in table()}

    for refusal in section.values():
        assert set(re.findall(r"`([^`]*)`", refusal.fix)) <= names
        assert refusal.fix
        assert ";" not in refusal.why


def test_no_preset_sets_what_the_escape_hatch_refuses() -> None:
    for directives in PRESETS.values():
        assert not directives.keys() & owned.SERVICE.keys()


def test_each_preset_holds_the_weaker_one() -> None:
    assert PRESETS[Sandbox.NONE] == {}
    assert PRESETS[Sandbox.STANDARD].keys() < PRESETS[Sandbox.STRICT].keys()


def test_what_the_table_says_is_rendered_cannot_be_set_twice() -> None:
    refused = {*owned.UNIT, *owned.SERVICE, *owned.TIMER}
    added = {"After", "OnSuccess", "OnFailure"}
    weighed = {*added, "Nice", "IOSchedulingClass", "OOMScoreAdjust", "ProtectSystem"}
    rendered = {
        name
        for key in table()
        for name in re.findall(r"([\w-]+)=", key.directive)
        if not key.name.startswith("unit")
    }

    of_path_units = {"PathChanged", "PathExists"}
    assert rendered - refused - weighed - of_path_units == {"NoNewPrivileges"}
