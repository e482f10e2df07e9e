# SPDX-License-Identifier: Apache-2.0
"""The documents say what the program does: YAML loads, commands, options and codes are complete."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
import yaml

from debvisor_timers.cli.main import ALIASES, COMMANDS, GROUPS, cli
from debvisor_timers.errors import ExitCode
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.task_files import load_task_types
from debvisor_timers.layout import Layout
from debvisor_timers.operations.safety.doctor import CHECKS
from debvisor_timers.operations.safety.finding import FindingKind
from debvisor_timers.source import Problem
from docs.generate import regenerated
from tests.documents import (
    DOCUMENTS,
    MANUALS,
    PAGES,
    ROOT,
    Block,
    Kind,
    Step,
    blocks,
    output_pattern,
)
from tests.unit.test_house import ARROWS

PAGE = (ROOT / "docs" / "debvisor-timers.8.scd").read_text(encoding="utf-8")
JOBS_PAGE = (ROOT / "docs" / "debvisor-timers-jobs.5.scd").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

TOP_KEYS = {
    *("jobs", "defaults", "keep_generations", "calendars", "maintenance_windows"),
    *(
        "starts_per_minute",
        "pools",
        "channels",
        "notifications",
        "history",
        "metrics",
        "pings",
        "links",
        "policy",
        "web",
    ),
}
SHARED = "pools: {backup: 5}\nchannels: {ops: {exec: [/usr/local/bin/tell]}}\n"
"""What examples name where their document shows no config.yaml before them."""
HANDLERS = "tasks: {vm_snapshot: {handler: 'snapshots:take'}}\n"
"""What they name and a file of tasks.d declares."""


def blocks_of(kind: Kind) -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document) if block.kind is kind]


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks_of(Kind.YAML), ids=str)
def test_every_yaml_example_loads_without_a_problem(block: Block, tmp_path: Path) -> None:
    keys = yaml.safe_load(block.text).keys()
    if "tasks" in keys:
        assert problems_of_tasks(block.text, tmp_path) == ()
        return
    text = block.text if TOP_KEYS & keys else as_job(block.text)
    is_config = TOP_KEYS - {"jobs"} & yaml.safe_load(text).keys()
    config, file = tmp_path / "config.yaml", tmp_path / "jobs.yaml"
    if is_config:
        config.write_text(as_config(text), encoding="utf-8")
    else:
        config.write_text(config_before(block), encoding="utf-8")
        file.write_text(text, encoding="utf-8")

    assert problems_of_tasks(HANDLERS, tmp_path) == ()
    assert load_files([config if is_config else file], config=tmp_path).problems == ()


def problems_of_tasks(text: str, config: Path) -> Sequence[Problem]:
    (config / "tasks.d").mkdir()
    (config / "tasks.d" / "some.yaml").write_text(text, encoding="utf-8")
    return load_task_types(config / "tasks.d").own.problems


def config_before(block: Block) -> str:
    """Return the last config.yaml that stands before a block in its document."""
    texts = [
        other.text
        for other in blocks(block.document)
        if other.path.endswith("/config.yaml") and other.line < block.line
    ]
    text = texts[-1] if texts else ""
    return text + "".join(
        f"{line}\n" for line in SHARED.splitlines() if f"{line.partition(':')[0]}:" not in text
    )


def as_config(text: str) -> str:
    """Return a part of config.yaml with what else a window, or `notifications`, needs."""
    config = yaml.safe_load(text)
    if "notifications" in config and "channels" not in config:
        text += "channels: {ops: {exec: [/bin/true]}}\n"
    for window in config.get("maintenance_windows", []):
        if {"from", "until"} & window.keys():
            needed = {"from": "2026-12-01 00:00", "until": "2027-01-01 00:00"}
        elif {"cron", "on_calendar"} & window.keys():
            needed = {"duration": "1h"}
        else:
            needed = {"cron": "@daily", "duration": "1h"}
        window.update({**needed, **window})
    return text if "maintenance_windows" not in config else yaml.safe_dump(config)


def as_job(keys: str) -> str:
    """Return some keys of a job as a file: with a command and a time where they are wanted."""
    job = yaml.safe_load(keys)
    if not {"command", "script", "task"} & job.keys():
        keys += "command: [/bin/true]\n"
    if (
        isinstance(job.get("schedule"), dict)
        and not {"cron", "on_calendar"} & job["schedule"].keys()
    ):
        keys = keys.replace("schedule:\n", 'schedule:\n  cron: "0 2 * * *"\n')
    return "jobs:\n  example:\n" + "".join(f"    {line}\n" for line in keys.splitlines())


@pytest.mark.parametrize(
    "document", [page for page in PAGES if page.name != "CONTRIBUTING.md"], ids=str
)
def test_a_block_of_a_page_says_what_it_is(document: Path) -> None:
    """A block without a language would be shown and never tried."""
    fences = re.findall(r"^```(.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(fences[::2]) <= {"yaml", "console", "python", "sh", "text"}


def test_a_step_is_a_command_with_its_output() -> None:
    text = "# cat >/x <<'END'\n> a: 1\n> END\n$ ls\none\n...\n"
    block = Block(document=ROOT / "README.md", line=10, kind=Kind.CONSOLE, text=text)

    assert list(block.steps()) == [
        Step(line=10, command="cat >/x <<'END'\na: 1\nEND", as_root=True, output=()),
        Step(line=13, command="ls", as_root=False, output=("one", "...")),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "is_right"),
    [
        ("job  succeeded after 25ms", "job    succeeded after 1min 3s\n", True),
        ("next Tue 2026-11-24 02:00:00 CET", "next Sun 2027-06-06 02:00:00 CEST\n", True),
        ("next Tue 2026-11-24 02:00:00 CET", "next Tue 2026-11-24 03:00:00 CET\n", False),
        ("at 14:31:07", "at 03:59:00\n", True),
        ("2 created, 1 updated", "2 created, 2 updated\n", False),
        ("run 20261123T133107Z-4f2a9c", "run 20270101T000000Z-abcdef\n", True),
        ("a ... z", "a b c z\n", True),
        ("a ... z", "a b c\n", False),
    ],
)
def test_output_is_compared_but_for_what_differs_from_day_to_day(
    shown: str, printed: str, is_right: bool
) -> None:
    assert bool(output_pattern((shown,)).fullmatch(printed)) is is_right


def test_three_dots_stand_for_any_lines() -> None:
    assert output_pattern(("first", "...", "last")).fullmatch("first\nx\ny\nlast\n")
    assert not output_pattern(("first", "last")).fullmatch("first\nx\nlast\n")


# --- debvisor-timers(8) --------------------------------------------------------------------------


def click_command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def own_params(name: str) -> list[click.Parameter]:
    """Return the parameters of a command but --format, which is told of all commands at once."""
    return [param for param in click_command(name).params if "--format" not in param.opts]


OTHERWISE = {"logs", "schema"}
"""One prints what journalctl prints, the other always JSON."""


def test_the_page_tells_of_the_format_once_for_all() -> None:
    introduction = section(PAGE, "COMMANDS").partition("\n## ")[0]
    assert "*--format=json*" in introduction
    for name in COMMANDS:
        options = {word for param in click_command(name).params for word in param.opts}
        assert ("--format" in options) == ("--json" in options) or name in OTHERWISE, name


def test_the_page_has_the_further_names() -> None:
    introduction = section(PAGE, "COMMANDS").partition("\n## ")[0]
    for further, name in ALIASES.items():
        assert f"*{further}*" in introduction
        assert f"*{name}*" in introduction


def section(page: str, title: str) -> str:
    match = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", page, re.MULTILINE | re.DOTALL)
    assert match, f"no section {title}"
    return match[1]


def command_entries() -> dict[str, str]:
    """Return what the page says of each command: its synopsis and the text below it."""
    text = section(PAGE, "COMMANDS")
    starts = list(re.finditer(r"^\*([a-z]+(?:[- ][a-z]+)*)\*", text, re.MULTILINE))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    entries: dict[str, str] = {}
    for start, end in zip(starts, ends, strict=True):
        entries[start[1]] = entries.get(start[1], "") + text[start.start() : end]
    return entries


def test_the_page_has_every_command_once() -> None:
    names = re.findall(r"^\*([a-z]+(?:[- ][a-z]+)*)\*", section(PAGE, "COMMANDS"), re.MULTILINE)

    assert sorted(set(names)) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option_of_a_command_and_no_other(name: str) -> None:
    entry = command_entries()[name]
    options = [p for p in own_params(name) if isinstance(p, click.Option)]
    defined = re.findall(r"^\t((?:\*-[^\n]*))$", entry, re.MULTILINE)

    told = {word for line in defined for word in re.findall(r"\*(--?[a-z-]+)\*", line)}

    assert told == {word for option in options for word in option.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_synopsis_of_a_command_has_its_options_and_arguments(name: str) -> None:
    synopsis = "\n".join(
        line for line in command_entries()[name].splitlines() if not line.startswith("\t")
    )
    params = own_params(name)

    for param in params:
        words = param.opts if isinstance(param, click.Option) else [_plain(param)]
        assert all(word in synopsis.replace("*", "").replace("_", "") for word in words)


def _plain(param: click.Parameter) -> str:
    return re.sub(r"=.*|[^A-Z]", "", param.metavar or param.human_readable_name)


@pytest.mark.skipif(shutil.which("scdoc") is None, reason="scdoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.scd")), ids=lambda path: path.name)
def test_a_manual_page_can_be_made(page: Path) -> None:
    with page.open("rb") as text:
        done = subprocess.run(["scdoc"], stdin=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_page_has_the_global_options() -> None:
    told = set(re.findall(r"\*(--[a-z]+)\*", section(PAGE, "GLOBAL OPTIONS")))
    real = {word for param in cli.params for word in param.opts if word.startswith("--")}

    assert told == real | {"--help"}


def test_the_page_has_every_exit_status() -> None:
    told = re.findall(r"^\*([0-9]+)\*$", section(PAGE, "EXIT STATUS"), re.MULTILINE)

    assert [int(number) for number in told] == [int(code) for code in ExitCode]


def test_the_page_has_every_kind_of_finding() -> None:
    lines = re.findall(r"^\*[a-z*, -]+\*$", section(PAGE, "MONITORING"), re.MULTILINE)

    told = [name for line in lines for name in re.findall(r"\*([a-z-]+)\*", line)]
    assert told == [str(kind) for kind in FindingKind]


def test_the_page_has_every_check_of_doctor() -> None:
    lines = re.findall(r"^\*[a-z*, ]+\*$", section(PAGE, "CHECKS OF THE HOST"), re.MULTILINE)

    told = [name for line in lines for name in re.findall(r"\*([a-z ]+)\*", line)]
    assert told == list(CHECKS)


@pytest.mark.parametrize("folder", ["config", "units", "state", "runtime", "stamps", "libexec"])
def test_the_page_has_the_folders(folder: str) -> None:
    assert str(getattr(Layout(), folder)) in section(PAGE, "FILES")


@pytest.mark.parametrize("helper", ["begin", "end"])
def test_the_page_has_every_journal_field(helper: str) -> None:
    source = (ROOT / "debvisor_timers" / "runtime" / f"{helper}.py").read_text(encoding="utf-8")
    told = section(PAGE, "THE JOURNAL")

    missing = {
        field for field in re.findall(r'"(DEBVISOR_[A-Z_]+)"', source) if f"*{field}=" not in told
    }

    assert missing == set()


# --- the pages of section 5 ----------------------------------------------------------------------


def test_the_page_has_the_environment_of_a_job() -> None:
    source = (ROOT / "debvisor_timers" / "runtime" / "run.py").read_text(encoding="utf-8")
    told = re.findall(r"^\*(DEBVISOR_[A-Z_]+)\*$", JOBS_PAGE, re.MULTILINE)

    assert set(told) == set(re.findall(r'"(DEBVISOR_[A-Z_]+)"', source)) - {
        "DEBVISOR_SCHEDULED_USEC",
        "DEBVISOR_SOURCE",
        "DEBVISOR_SKIPPED",
    }


@pytest.mark.parametrize("path", MANUALS, ids=lambda path: path.name)
def test_generated_parts_are_fresh(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert regenerated(text) == text, "the tables have changed; run: make docs"


def test_generated_parts_are_made_anew() -> None:
    stale = "before\n; generated: sandbox\nstale\n; end of generated\nafter\n"

    fresh = regenerated(stale)

    assert "stale" not in fresh
    assert "ProtectSystem=strict" in fresh
    assert fresh.startswith("before\n; generated: sandbox\n")
    assert fresh.endswith("; end of generated\nafter\n")


# --- the pages -----------------------------------------------------------------------------------


def test_the_readme_has_every_command() -> None:
    told = re.findall(r"^\| `([a-z]+(?:[- ][a-z]+)*)[^`]*` \|", README, re.MULTILINE)

    assert told == list(COMMANDS)


def test_the_architecture_has_every_arrow() -> None:
    rows = re.findall(r"^\| `([\w./]+)` \| ([^|]*) \|", ARCHITECTURE, re.MULTILINE)
    told = {
        name.rstrip("/").removesuffix(".py"): set(re.findall(r"`([\w.]+)`", of))
        for name, of in rows
    }

    real = {home: targets for home, targets in ARROWS.items() if not home.startswith("__")}

    assert told == real


def links(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            yield target


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    missing = [target for target in links(document) if not (document.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_make_target_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(
        r"[`*]debvisor-timers ([a-z]+(?:-[a-z]+)?)\b|^[#$] debvisor-timers ([a-z]+(?:-[a-z]+)?)\b",
        text,
        re.MULTILINE,
    )

    assert {first or second for first, second in named} <= {*COMMANDS, *GROUPS}
