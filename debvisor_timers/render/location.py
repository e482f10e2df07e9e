# SPDX-License-Identifier: Apache-2.0
"""Where the shipped templates are; knows nothing of Jinja, so that asking costs nothing."""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError

TEMPLATES = ("boot.timer.j2", "job.service.j2", "job.timer.j2", "path.path.j2")
"""Every template of a unit that we ship; administrators may put their own in the place of each."""

REPORT = "report/report.html.j2"
"""The HTML of a report, in the same folder."""

NOTIFY = "notify"
"""The folder of the templates of messages, in the same folder."""

NOTIFY_TEMPLATES = (
    *("matrix.json.j2", "slack.json.j2", "subject.txt.j2", "teams.json.j2", "text.txt.j2"),
)
"""Every template of a message; administrators may put their own in the place of each."""

_PACKAGE = Path(__file__).resolve().parent.parent


def find_templates(package: Path = _PACKAGE) -> Path:
    """Return the folder of the shipped templates.

    package: the folder of debvisor_timers. A wheel has the templates inside of it; a checkout and
    an editable install beside it; the Debian package in /usr/share.
    """
    places = (
        package / "_templates",
        package.parent / "templates",
        Path("/usr/share/debvisor-timers/templates"),
    )
    for place in places:
        if all((place / name).is_file() for name in TEMPLATES):
            return place
    raise DebvisorTimersError(
        f"the templates are in none of {', '.join(map(str, places))}",
        fix="install debvisor-timers again",
    )
