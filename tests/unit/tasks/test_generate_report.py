# SPDX-License-Identifier: Apache-2.0
"""generate_report: its figures, its mail, and a file that is whole or not there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.jobs.channels import Mail
from debvisor_timers.layout import Layout
from debvisor_timers.tasks.base import WRONG, TaskFailed
from debvisor_timers.tasks.generate_report import channel_mail, figures, letter, write

AT = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)


def test_figures_are_the_numbers_and_how_long_the_lists_are() -> None:
    report = {"jobs": 3, "rate": 0.5, "failed": [{"job": "a"}], "ok": True, "since": "2026"}
    assert figures(report) == {"jobs": 3, "rate": 0.5, "failed": 1}


def test_text_is_the_mail_and_html_is_attached() -> None:
    settings = Mail.model_validate({"to": ["a@x.org", "b@x.org"], "from": "c@x.org"})

    text = letter(settings, "daily", "text", "all is wéll\n".encode(), AT)
    page = letter(settings, "weekly", "html", b"<!DOCTYPE html>", AT)

    assert (text["To"], text["From"]) == ("a@x.org, b@x.org", "c@x.org")
    assert str(text["Subject"]).endswith("] daily report on jobs, 2026-11-27")
    assert text.get_content() == "all is wéll\n"
    (attached,) = page.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == (
        "text/html",
        "jobs-2026-11-27.html",
    )


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    assert write(path, b"new") == path

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [path]
    write(path, b"for all", mode=0o644)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_channel_is_the_one_that_was_applied(tmp_path: Path) -> None:
    folder = tmp_path / "state/generations/7"
    folder.mkdir(parents=True)
    config = "channels:\n  ops: {mail: {to: [a@x.org]}}\n  page: {exec: [/bin/true]}\n"
    (folder / "config.yaml").write_text(config)
    layout = Layout(state=tmp_path / "state")
    assert list(channel_mail("ops", layout).to) == ["a@x.org"]
    with pytest.raises(TaskFailed, match="no channel 'page' that sends mail") as raised:
        channel_mail("page", layout)
    assert "there are: ops;" in str(raised.value)
    assert raised.value.exit_status == WRONG


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="No such file or directory"):
        write(tmp_path / "none" / "report.html", b"")
    with pytest.raises(TaskFailed, match="is no absolute path") as raised:
        write(Path("report.html"), b"")
    assert raised.value.exit_status == WRONG
