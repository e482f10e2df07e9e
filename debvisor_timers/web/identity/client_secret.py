# SPDX-License-Identifier: Apache-2.0
"""The secret of this server at the issuer: a credential of systemd."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from debvisor_timers.jobs.web import WEB_CREDENTIALS, Oidc
from debvisor_timers.web.identity.refusals import IssuerError


def client_secret(settings: Oidc, environment: Mapping[str, str] = os.environ) -> str:
    """Return the secret, empty where the settings name none. Raises IssuerError."""
    if settings.client_secret is None:
        return ""
    name = f"{WEB_CREDENTIALS}.{settings.client_secret.credential}"
    path = Path(environment.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / name
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise IssuerError(
            f"the credential {name} cannot be read",
            fix=f"put it into /etc/credstore/{name}, and restart debvisor-timers-web.service",
        ) from error
