# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider, Canaille, with three people and a client; obeys lines on its input.

A program of its own: it runs on the Python of .venv/browser, in the network of a box.
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from typing import Any

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc import provider
from werkzeug.serving import make_server

GROUPS = {"timers-admins": ["anna"], "timers-viewers": ["vic"], "": ["bob"]}


def main() -> None:
    """Serve until the input ends.

    sys.argv: the port, the client, its secret, and the password of everybody.
    """
    port = int(sys.argv[1])
    app = create_app(
        {
            "SECRET_KEY": "0123456789abcdef0123456789abcdef",
            "SERVER_NAME": f"localhost:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "HTMX": False},
            "CANAILLE_OIDC": {"TRUSTED_DOMAINS": []},
        }
    )
    with app.app_context(), Backend.instance.session():
        _populate(*sys.argv[2:5])
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _say("ready")
    for line in sys.stdin:
        with app.app_context(), Backend.instance.session():
            _obey(*line.split())
        _say("done")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _populate(client_id: str, secret: str, password: str) -> None:
    for group, names in GROUPS.items():
        people = [_person(name, password) for name in names]
        if group:
            Backend.instance.save(models.Group(display_name=group, members=people))
    client = models.Client(
        client_id=client_id,
        client_secret=secret,
        client_name="Timers of hera",
        client_uri="http://127.0.0.1:5000",
        redirect_uris=["http://127.0.0.1:5000/sign-in/done"],
        grant_types=["authorization_code", "refresh_token", "password"],
        response_types=["code"],
        token_endpoint_auth_method="client_secret_basic",
        scope=["openid", "profile", "groups"],
        client_id_issued_at=datetime.now(UTC),
    )
    client.audience = [client]
    Backend.instance.save(client)


def _person(name: str, password: str) -> Any:
    person = models.User(
        user_name=name,
        display_name=name,
        formatted_name=name.capitalize(),
        family_name=name.capitalize(),
        emails=[f"{name}@example.org"],
        password=password,
    )
    Backend.instance.save(person)
    return person


def _obey(verb: str, what: str) -> None:
    if verb == "expire":  # tokens that are given from now on last so many seconds
        provider.OpenIDCode.DEFAULT_EXPIRES_IN = int(what)
        provider.authorization._token_generators["default"].expires_generator = int(what)
        return
    person = Backend.instance.get(models.User, user_name=what)
    person.lock_date = datetime(2020, 1, 1, tzinfo=UTC) if verb == "lock" else None
    Backend.instance.save(person)


if __name__ == "__main__":
    main()
