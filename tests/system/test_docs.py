# SPDX-License-Identifier: Apache-2.0
"""Every example of the documents, in order, on a booted Debian 13 with the package installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import BUILD, Box, build_deb, layer_of_deb, make, web_deb, web_layer
from tests.documents import (
    DOCUMENTS,
    MANUALS,
    Block,
    Kind,
    Step,
    blocks,
    output_pattern,
    without_empty_lines,
)

READER = "alice"
"""Who types behind `$`: may look at everything, is not root."""


@pytest.fixture
def host() -> Iterator[Box]:
    """A host in Amsterdam with a user who may look, and the package files in root's home."""
    with Box.boot(web_layer(), hostname="zeus", timezone="Europe/Amsterdam") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, READER])
        deb = build_deb()
        for file in (deb, web_deb(deb)):
            box.write(f"/root/{file.name}", file.read_bytes())
        yield box


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_example_does_what_it_shows(document: Path, host: Box) -> None:
    for block in blocks(document):
        if block.kind is Kind.YAML and block.path:
            host.write(block.path, block.text, 0o640)
        elif block.kind is Kind.CONSOLE:
            for step in block.steps():
                play(host, block, step)
        elif block.kind is Kind.PYTHON:
            done = host.run(["python3", "-c", block.text], check=False)
            assert done.returncode == 0, f"{block}:\n{done.stderr}"


def play(box: Box, block: Block, step: Step) -> None:
    user = "" if step.as_root else READER
    # What the steps before have sent to the journal can be read by this one.
    box.run(["journalctl", "--sync"])
    script = f"exec 2>&1; cd ~{user}\n{step.command}\n"
    done = box.run(["/bin/bash", "-c", script], check=False, user=user)
    if done.returncode:
        pytest.fail(
            _told(block, step, f"it ended with {done.returncode}", done.stdout), pytrace=False
        )
    if not output_pattern(step.output).fullmatch(without_empty_lines(done.stdout)):
        pytest.fail(_told(block, step, "the output differs", done.stdout), pytrace=False)


def _told(block: Block, step: Step, what: str, printed: str) -> str:
    shown = "\n".join(step.output)
    place = f"{block.document.name}:{step.line}"
    return f"{place}: {step.command}\n{what}; shown:\n{shown}\nprinted:\n{printed}"


BRAKED = "jobs: {a: {schedule: '@daily', triggers: [{boot: 1h}], command: [/bin/true]}}\n"
TIMERS = ("debvisor-job-a.timer", "debvisor-boot-a.timer")


def active(box: Box) -> list[str]:
    """Return how systemctl calls the two timers of the job."""
    return box.run(["systemctl", "is-active", *TIMERS], check=False).stdout.split()


def test_the_emergency_brake_holds_over_a_reboot_only_when_the_target_is_disabled(box: Box) -> None:
    box.write("/etc/debvisor/timers/jobs.d/a.yaml", BRAKED)
    box.run(["debvisor-timers", "apply"])

    box.run("systemctl stop debvisor-timers.target")
    assert active(box) == ["inactive", "inactive"]
    box.reboot()
    assert active(box) == ["active", "active"]

    box.run("systemctl disable --now debvisor-timers.target")
    box.reboot()
    assert active(box) == ["inactive", "inactive"]

    box.run("systemctl enable --now debvisor-timers.target")
    assert active(box) == ["active", "inactive"]
    box.reboot()
    assert active(box) == ["active", "active"]


@pytest.fixture(scope="module")
def reader() -> Iterator[Box]:
    """A root with the package and with man, which need not be booted."""
    deb = build_deb()
    with Box(make(layer_of_deb(deb, parent=BUILD))) as box:
        box.write("/root/web.deb", web_deb(deb).read_bytes())
        box.run("dpkg-deb --extract /root/web.deb /")
        yield box


@pytest.mark.parametrize("page", MANUALS, ids=lambda path: path.name)
def test_man_has_nothing_to_say_about_a_page(page: Path, reader: Box) -> None:
    name, section = page.stem.rsplit(".", 1)
    file = f"/usr/share/man/man{section}/{name}.{section}.gz"

    done = reader.run(f"MANWIDTH=80 man --warnings --encoding=UTF-8 --local-file {file}")

    assert done.stderr == ""
    assert "debvisor-timers" in done.stdout
    assert "sys\u2010" not in done.stdout, "names are hyphenated"


# --- completion ----------------------------------------------------------------------------------

COMPLETE = """
source /usr/share/bash-completion/completions/{program}
COMP_WORDS=({words}); COMP_CWORD={number}
_{function}_completion {program}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(box: Box, *words: str) -> list[str]:
    """Return what bash offers for the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in words)
    program = words[0]
    script = COMPLETE.format(
        program=program, function=program.replace("-", "_"), words=quoted, number=len(words) - 1
    )
    return box.run(["/bin/bash", "-c", script]).stdout.split()


def test_bash_completes_a_command(module_box: Box) -> None:
    assert complete(module_box, "debvisor-timers", "hi") == ["history"]


def test_bash_completes_an_option(module_box: Box) -> None:
    assert complete(module_box, "debvisor-timers", "plan", "--det") == ["--detailed-exitcode"]


def test_bash_completes_the_id_of_an_applied_job(module_box: Box) -> None:
    jobs = "jobs: {scrub-tank: {command: [/bin/true]}, send-mail: {command: [/bin/true]}}\n"
    module_box.write("/etc/debvisor/timers/jobs.d/completion.yaml", jobs)
    module_box.run(["debvisor-timers", "apply"])

    assert complete(module_box, "debvisor-timers", "run", "sc") == ["scrub-tank"]
    assert complete(module_box, "debvisor-schedule", "job", "run", "sc") == ["scrub-tank"]
    broken = ("debvisor-timers", "job", "list", "--format", "=", "js")
    assert complete(module_box, *broken) == ["json"]


@pytest.mark.parametrize(
    ("file", "first_line"),
    [
        ("/usr/share/zsh/vendor-completions/_debvisor-timers", "#compdef debvisor-timers"),
        ("/usr/share/zsh/vendor-completions/_debvisor-schedule", "#compdef debvisor-schedule"),
        (
            "/usr/share/fish/vendor_completions.d/debvisor-timers.fish",
            "function _debvisor_timers_completion;",
        ),
        (
            "/usr/share/fish/vendor_completions.d/debvisor-schedule.fish",
            "function _debvisor_schedule_completion;",
        ),
    ],
)
def test_completion_for_other_shells_is_installed(
    file: str, first_line: str, module_box: Box
) -> None:
    assert module_box.read(file).splitlines()[0] == first_line
