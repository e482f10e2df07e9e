# SPDX-License-Identifier: Apache-2.0
"""A message: a JSON document, and what people read of it, by templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, ChoiceLoader, DictLoader, Environment, FileSystemLoader
from jinja2 import TemplateError as JinjaError

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.render.location import NOTIFY, NOTIFY_TEMPLATES, find_templates
from debvisor_timers.render.templates import read_overrides

Document = Mapping[str, Any]

LONGEST_SUBJECT = 200

_SUBJECT, _TEXT = "subject.txt.j2", "text.txt.j2"
_UNPRINTABLE = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def bundle(documents: Sequence[Document]) -> Document:
    """Return one document that tells of several, without what their jobs have printed."""
    messages = [
        {**{name: value for name, value in each.items() if name != "log"}, **_trouble(each)}
        for each in documents
    ]
    return {
        "event": str(EventKind.DIGEST),
        "message": documents[0].get("message"),
        "host": documents[0].get("host", ""),
        "count": len(messages),
        "troubles": sum(bool(each["is_trouble"]) for each in messages),
        "messages": messages,
    }


def _trouble(document: Document) -> dict[str, bool]:
    event = document.get("event")
    if event == EventKind.DIGEST:
        return {"is_trouble": bool(document.get("troubles"))}
    kind = EventKind.of(event)
    return {"is_trouble": kind is not None and kind.is_trouble}


@dataclass(frozen=True)
class Message:
    """A document with the templates that make text of it.

    overrides: the folder with templates of the administrator.
    """

    document: Document
    overrides: Path | None = None

    @property
    def event(self) -> str:
        """Return what it tells of."""
        return str(self.document.get("event", ""))

    @property
    def id(self) -> str:
        """Return its id; the same when it is sent again."""
        return str(self.document.get("message") or "")

    @property
    def is_trouble(self) -> bool:
        """Return True for what somebody has to look at."""
        return _trouble(self.document)["is_trouble"]

    @cached_property
    def subject(self) -> str:
        """Return one line without control characters, of at most LONGEST_SUBJECT characters."""
        line = " ".join(readable(self.render(_SUBJECT)).split())
        return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 3]}..."

    @cached_property
    def body(self) -> str:
        """Return the text, without characters that would move a terminal's cursor."""
        return readable(self.render(_TEXT)).strip("\n") + "\n"

    @cached_property
    def as_json(self) -> str:
        """Return the document as JSON in ASCII: whatever a log has in it stays what it is."""
        return json.dumps(self.document, default=str)

    def render(self, name: str) -> str:
        """Return what a template makes of it.

        Where one of the administrator fails, ours takes its place, and the text says so: a message
        is not lost by a mistake in its form.
        """
        try:
            return self._rendered(name, self.overrides)
        except (JinjaError, DebvisorTimersError, TypeError, ValueError, ArithmeticError) as error:
            if self.overrides is None:
                raise
            text = self._rendered(name, None)
            failed = f"\nThe template notify/{name} failed: {error}\n"
            return text + failed if name == _TEXT else text

    def _rendered(self, name: str, overrides: Path | None) -> str:
        more: dict[str, object] = {"is_trouble": self.is_trouble}
        if name.endswith(".json.j2"):
            more |= {"subject": self.subject, "body": self.body}
        values = {**self.document, **more}
        text = _environment(overrides).get_template(name).render(values)
        if name.endswith(".json.j2"):
            json.loads(text)
        return text


def readable(text: str) -> str:
    """Return a text that every program can show: no control characters, no half characters."""
    return _UNPRINTABLE.sub("\ufffd", text.encode("utf-8", "replace").decode("utf-8"))


def _environment(overrides: Path | None) -> Environment:
    own = read_overrides(overrides / NOTIFY, NOTIFY_TEMPLATES) if overrides else {}
    environment = Environment(
        loader=ChoiceLoader([DictLoader(own), FileSystemLoader(find_templates() / NOTIFY)]),
        autoescape=False,  # noqa: S701 - text; the templates of HTML and JSON escape by themselves
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"span": _span, "moment": _moment, "slack": _slack, "cut": _cut}
    return environment


def _span(seconds: object) -> str:
    """Return a duration: `2h 5min`, `3.2s`."""
    left = float(seconds) if isinstance(seconds, int | float) else 0.0
    if left < 60:
        return f"{left:.3g}s"
    minutes, _ = divmod(round(left), 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{number}{unit}" for number, unit in parts if number)


def _slack(text: object) -> str:
    """Return a text in which Slack sees no mention and no link: `<!channel>` calls everybody."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    """Return the beginning of a text, of so many bytes: servers refuse a message that is longer."""
    return text.encode()[:longest].decode("utf-8", "ignore")


def _moment(text: object) -> str:
    """Return a time in ISO 8601 as people write it, with its offset."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return f"{at:%a %Y-%m-%d %H:%M:%S %z}"
