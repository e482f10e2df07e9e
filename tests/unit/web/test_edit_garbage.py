# SPDX-License-Identifier: Apache-2.0
"""Garbage in the forms of a job is answered, breaks nothing, and changes nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.unit.operations.world import TWO
from tests.unit.web.served import Served

BITS = (
    *("jobs:", "\n", "  ", "nightly", ":", " ", "{", "}", "[", "]", '"', "'", "|", "cron", "*"),
    *("&a", "!x", "\x00", "\x07", "é", "\u2028", "\ud7ff", "0 2 * * *", "null", "~", "- ", "#"),
    *("command", "script", "task", "../", "%", "\\", "\t", "9" * 30, "<<", "=", "Europe/Amsterdam"),
)
NAMES = (
    *("text", "job", "name", "base", "seconds", "f-id", "f-name", "f-cron", "f-on_calendar"),
    *("f-timezone", "f-catch_up", "f-jitter", "f-command", "f-script", "f-task", "f-task_config"),
    *("f-timeout", "f-retries", "f-priority", "f-depends_on", "f-environment", "f-enabled"),
)


def garbage(number: int) -> Iterator[dict[str, str]]:
    """Yield forms: fields of bits, and texts that are nearly right."""
    chance = random.Random(number)

    def junk() -> str:
        return "".join(chance.choices(BITS, k=chance.randrange(14)))

    for _ in range(30):
        form = {name: junk() for name in chance.sample(NAMES, chance.randrange(9))}
        if chance.random() < 0.6:
            form["text"] = TWO[: chance.randrange(len(TWO))] + junk() + chance.choice((TWO, ""))
        form["view"] = chance.choice(("form", "yaml"))
        form["f-program"] = chance.choice(("command", "script", "task", junk()))
        form["f-when"] = chance.choice(("cron", "hand", "on_calendar", junk()))
        form["step"] = chance.choice(("plan", "edit"))
        yield form


@pytest.mark.parametrize("number", range(4))
def test_garbage_is_answered_and_changes_nothing(served: Served, number: int) -> None:
    served.world.apply(TWO)
    before, editor = served.world.picture(), served.as_role("editor")

    for form in garbage(number):
        for address in ("/draft", "/new", "/jobs/nightly/edit"):
            assert editor.post(address, data=form).status_code < 500, (address, form)

    assert served.world.picture() == before
    assert (served.world.layout.jobs / "a.yaml").read_text(encoding="utf-8") == TWO
