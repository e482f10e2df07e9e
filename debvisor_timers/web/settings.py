# SPDX-License-Identifier: Apache-2.0
"""What config.yaml says to the server; nothing else in it keeps the server from starting."""

from __future__ import annotations

from pydantic import ValidationError

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.config import CONFIG_NAME, load_config
from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.layout import Layout

_KEY = "web"


def read_settings(layout: Layout) -> WebSettings:
    """Return the settings of the server.

    Raises DefinitionError where they, or the file as a whole, cannot be read: whom to let in is
    never guessed.
    """
    loaded = load_config(layout.config / CONFIG_NAME)
    if loaded.document is None:
        wrong = [problem for problem in loaded.problems if problem.is_error]
        if wrong:
            raise DefinitionError(wrong)
        return WebSettings()
    said = loaded.document.value.get(_KEY)
    try:
        return WebSettings.model_validate(said) if isinstance(said, dict) else loaded.config.web
    except ValidationError:
        ours = [each for each in loaded.problems if each.key.split(".")[0] == _KEY]
        raise DefinitionError(ours or loaded.problems) from None
