# SPDX-License-Identifier: Apache-2.0
"""Loading templates, and what a template may not do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from debvisor_timers.errors import RefusedError, RenderError
from debvisor_timers.render.job import render_job
from debvisor_timers.render.location import find_templates
from debvisor_timers.render.templates import load_templates
from tests.unit.render.settings import job, settings

SHIPPED = (find_templates() / "job.service.j2").read_text(encoding="utf-8")


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir(mode=0o755)
    return folder


def override(folder: Path, text: str, name: str = "job.service.j2", mode: int = 0o644) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def rendered(overrides: Path) -> str:
    host = settings(templates=load_templates(overrides))
    return render_job(job(), host, generation=1).files["debvisor-job-a.service"]


def test_without_a_folder_the_shipped_ones_are_used(tmp_path: Path) -> None:
    assert rendered(tmp_path / "missing").startswith("# Made by debvisor-timers.")


def test_a_single_template_can_be_overridden(overrides: Path) -> None:
    override(overrides, SHIPPED.replace("[Service]\n", "[Service]\n# of our house\n"))
    assert "[Service]\n# of our house\nType=oneshot\n" in rendered(overrides)


def test_an_override_may_change_the_order_and_a_value(overrides: Path) -> None:
    moved = SHIPPED.replace("KillMode=control-group\n", "").replace(
        "Type=oneshot\n", "KillMode=process\nType=oneshot\n"
    )
    override(overrides, moved)
    assert "[Service]\nKillMode=process\nType=oneshot\n" in rendered(overrides)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("KillMode=control-group\n", "", r"\[Service\] KillMode is missing"),
        ("KillMode=", "User=root\nKillMode=", r"it has \[Service\] User in addition"),
        ("KillMode=", "a line of nonsense\nKillMode=", "a line of nonsense in addition"),
        ("[Service]\n", "[Service]\n[Socket]\n[Service]\n", r"it has \[Socket\]"),
        ("control-group\n", "control-group \\\n", "Nice is missing"),
        ("| description }}", "| description }}\\", "Documentation is missing"),
    ],
)
def test_an_override_may_not_say_more_or_less(
    overrides: Path, before: str, after: str, said: str
) -> None:
    override(overrides, SHIPPED.replace(before, after, 1))
    with pytest.raises(RenderError, match=said):
        rendered(overrides)


@pytest.mark.parametrize(
    "output",
    [
        "{{ description }}",
        "{{ 'text' }}",
        "{{ (description | description) ~ '' }}",
        "{{ (description | description).upper() }}",
        "{{ 7 }}",
        "{{ none }}",
    ],
)
def test_output_without_a_filter_of_ours_is_an_error(overrides: Path, output: str) -> None:
    override(overrides, SHIPPED.replace("{{ description | description }}", output))
    with pytest.raises(RenderError, match="into a unit file as it is"):
        rendered(overrides)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("{{ descripton | description }}", "job.service.j2:4: .*StrictUndefined"),
        ("{{ descripton.x | description }}", "job.service.j2:4: .descripton. is undefined"),
        ("{{ 7 | description }}", "job.service.j2:4"),
        ("{{ description | upper }}", "upper"),
        ("{% if %}", "job.service.j2:4"),
        ("{% include 'other.j2' %}", "other.j2"),
    ],
)
def test_a_broken_override_is_named(overrides: Path, output: str, said: str) -> None:
    override(overrides, SHIPPED.replace("{{ description | description }}", output))
    with pytest.raises(RenderError, match=said):
        rendered(overrides)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_an_override_that_others_can_write_is_refused(overrides: Path, mode: int) -> None:
    path = override(overrides, SHIPPED, mode=mode)
    with pytest.raises(RefusedError, match="writable by others") as caught:
        load_templates(overrides)
    assert caught.value.fix == f"chmod go-w {path}"


def test_a_folder_that_others_can_write_is_refused(overrides: Path) -> None:
    overrides.chmod(0o777)
    with pytest.raises(RefusedError, match="writable by others"):
        load_templates(overrides)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_an_override_of_somebody_else_is_refused(overrides: Path) -> None:
    path = override(overrides, SHIPPED)
    os.chown(path, 1000, 0)
    with pytest.raises(RefusedError, match="does not belong to root"):
        load_templates(overrides)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_is_judged_by_what_it_points_at(overrides: Path, tmp_path: Path) -> None:
    target = override(tmp_path, SHIPPED, name="elsewhere")
    os.chown(target, 1000, 0)
    (overrides / "job.service.j2").symlink_to(target)
    with pytest.raises(RefusedError, match="does not belong to root"):
        load_templates(overrides)


def test_an_override_with_a_misspelt_name_is_refused(overrides: Path) -> None:
    override(overrides, SHIPPED, name="job.servce.j2")
    with pytest.raises(RefusedError, match="overrides nothing") as caught:
        load_templates(overrides)
    assert "job.service.j2" in caught.value.fix


def test_an_override_that_cannot_be_read_is_refused(overrides: Path) -> None:
    (overrides / "job.service.j2").write_bytes(b"\xff")
    (overrides / "job.service.j2").chmod(0o644)
    with pytest.raises(RefusedError, match="cannot be read"):
        load_templates(overrides)
    (overrides / "job.service.j2").unlink()
    (overrides / "job.service.j2").symlink_to("nowhere")
    with pytest.raises(RefusedError, match="cannot be read"):
        load_templates(overrides)
