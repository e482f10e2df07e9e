# SPDX-License-Identifier: Apache-2.0
"""An issuer of access tokens, in memory: its keys, what it says of itself, what it signs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from debvisor_timers.web.identity.refusals import IssuerAwayError, IssuerRefusalError

URL = "https://login.example.org/realms/ops"
AUDIENCE = "debvisor-timers"
SETTINGS: Mapping[str, object] = {
    "issuer": URL,
    "audience": AUDIENCE,
    "roles": {"timers:read": "viewer", "timers:admin": "admin"},
    "client_id": "timers-page",
}


class FakeIssuer:
    """Answers as an issuer does; `asked` are the addresses that were asked for."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.asked: list[str] = []
        self.forms: list[Mapping[str, str]] = []
        self.is_away = False
        self.tokens: Mapping[str, object] = {}
        self.name = URL
        self.headers: list[Mapping[str, str]] = []
        self.refuses = False
        self.userinfo: Mapping[str, object] = {}
        self.about: Mapping[str, object] = {}
        self.rotate("k1")

    def rotate(self, key_id: str) -> None:
        """Sign with another key from now on."""
        self.keys = {key_id: ec.generate_private_key(ec.SECP256R1())}

    def fetch(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Any:
        self.asked.append(url.removeprefix(URL))
        if self.is_away:
            raise IssuerAwayError("the issuer cannot be asked")
        if form is not None:
            self.forms.append(form)
            self.headers.append(headers)
            if self.refuses:
                raise IssuerRefusalError("the issuer has refused: invalid_grant")
            return self.tokens
        if url.endswith("/openid-configuration"):
            return {
                "issuer": self.name,
                "jwks_uri": f"{URL}/certs",
                "authorization_endpoint": f"{URL}/auth",
                "token_endpoint": f"{URL}/token",
                "userinfo_endpoint": f"{URL}/userinfo",
                **self.about,
            }
        if url.endswith("/userinfo"):
            return self.userinfo
        return {"keys": [{**_public(key), "kid": name} for name, key in self.keys.items()]}

    def token(self, *, key: object = None, algorithm: str = "ES256", **claims: object) -> str:
        """Return an access token; a claim that is None is left out."""
        key_id, own = next(iter(self.keys.items()))
        usual: dict[str, object] = {
            "iss": URL,
            "aud": AUDIENCE,
            "sub": "7f3a",
            "preferred_username": "anna",
            "scope": "openid timers:admin",
            "exp": int(time.time()) + 300,
        }
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        chosen: Any = own if key is None else key
        return jwt.encode(said, chosen, algorithm, headers={"kid": key_id})


def _public(key: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    found: dict[str, object] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {**found, "use": "sig"}
