# SPDX-License-Identifier: Apache-2.0
"""The issuer of access tokens: where it is asked, and its keys, which change now and then."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import jwt

from debvisor_timers.web.identity.refusals import (
    IssuerAwayError,
    IssuerError,
    IssuerRefusalError,
)

_KEPT_SECONDS = 3600
"""So long keys count without being asked for again."""

_STALE_SECONDS = 24 * 3600
"""So long they count while the issuer cannot be asked."""

_PAUSE_SECONDS = 10
"""At least between two questions: an unknown key in a token costs whoever sends it nothing."""

_TIMEOUT_SECONDS = 5
_LARGEST = 1_000_000
_LONGEST_WORDS = 200
_LOCAL = {"localhost", "127.0.0.1", "::1"}

Fetch = Callable[[str, Mapping[str, str] | None, Mapping[str, str]], Any]
"""Returns the JSON document at an address; with a form by POST; with further headers."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what is https would lead to what is not."""

    def redirect_request(self, *_asked: object) -> None:
        """Refuse; the answer is an error then."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def fetch_json(url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> Any:
    """Return the JSON document at `url`. Blocks.

    Raises IssuerRefusalError for a form that is refused, IssuerError where there is no answer.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOCAL):
        raise IssuerError(f"the issuer names {url}, which is not https", fix=_NO_ISSUER)
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, headers=dict(headers))  # noqa: S310 - above
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read(_LARGEST))
    except urllib.error.HTTPError as error:
        # Only who gives something to judge is refused; else it is the address that is wrong.
        is_judged = form is not None or bool(headers)
        raise (_refusal(error) if is_judged else None) or _away(url, error) from error
    except (OSError, ValueError) as error:
        raise _away(url, getattr(error, "reason", error)) from error


def _away(url: str, why: object) -> IssuerAwayError:
    return IssuerAwayError(
        f"the issuer cannot be asked: {url}: {why}",
        fix="check web.oidc in config.yaml, and that the server has the network: see "
        "debvisor-timers-web(8)",
    )


def _refusal(answer: urllib.error.HTTPError) -> IssuerRefusalError | IssuerError | None:
    """Return what the issuer answers to a form that it does not like (RFC 6749, 5.2)."""
    if not HTTPStatus.BAD_REQUEST <= answer.code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    try:
        said = json.loads(answer.read(_LARGEST))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("error"), str):
        return None
    words = ": ".join(str(said[key]) for key in ("error", "error_description") if said.get(key))
    if said["error"] == "invalid_client":
        return IssuerError(
            f"the issuer does not take this server for its client: {words[:_LONGEST_WORDS]}",
            fix="check web.oidc.client_id and client_secret in config.yaml",
        )
    return IssuerRefusalError(f"the issuer has refused: {words[:_LONGEST_WORDS]}")


_LATER = "try again in a minute; the journal of the server tells why it could not"
_NO_ISSUER = "look whether web.oidc.issuer in config.yaml is the address of an issuer"


class Issuer:
    """One issuer; what it has said is remembered."""

    def __init__(
        self, url: str, *, fetch: Fetch = fetch_json, clock: Callable[[], float] = monotonic
    ) -> None:
        """url: as in `iss`. fetch: blocks, and is called in a thread."""
        self.url = url
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._about: Mapping[str, Any] = {}
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched = self._tried = self._discovered = -float(_STALE_SECONDS)

    async def key(self, key_id: str) -> jwt.PyJWK | None:
        """Return a key of the issuer, None where it has none of that id. Raises IssuerError."""
        if self._age() > _KEPT_SECONDS or key_id not in self._keys:
            async with self._lock:
                if self._age() > _KEPT_SECONDS or key_id not in self._keys:
                    await self._refresh()
        return self._keys.get(key_id)

    async def about(self, *, is_there: bool = False) -> Mapping[str, Any]:
        """Return what the issuer says of itself (OpenID Connect Discovery). Raises IssuerError.

        is_there: ask again, unless it has answered in the last seconds: who is sent to an issuer
        that is away sees no page of ours any more.
        """
        if not self._about or (is_there and self._may_be_asked()):
            async with self._lock:
                if not self._about or (is_there and self._may_be_asked()):
                    await self._discover_seldom()
        return self._about

    async def ask(
        self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Any:
        """Return what the issuer answers to a form, or to a question without one.

        Raises IssuerRefusalError, IssuerError.
        """
        try:
            return await asyncio.to_thread(self._fetch, url, form, headers)
        except IssuerAwayError:
            # Nobody is sent there before it has answered again.
            self._about, self._discovered = {}, self._clock()
            raise

    async def _discover_seldom(self) -> None:
        """Ask, but not for everybody who comes while the issuer is away: that holds a thread."""
        if not self._may_be_asked():
            raise IssuerError("the issuer could not be asked a moment ago", fix=_LATER)
        self._discovered = self._clock()
        self._about = {}
        await self._discover()

    def _may_be_asked(self) -> bool:
        return self._clock() - self._discovered >= _PAUSE_SECONDS

    def _age(self) -> float:
        return self._clock() - self._fetched

    async def _refresh(self) -> None:
        if self._clock() - self._tried < _PAUSE_SECONDS:
            self._require_keys()
            return
        self._tried = self._clock()
        try:
            about = await self._discover()
            said = await asyncio.to_thread(self._fetch, str(about["jwks_uri"]), None, {})
            self._keys = _keys(said)
            self._fetched = self._clock()
        except IssuerError:
            if self._age() > _STALE_SECONDS:
                raise

    def _require_keys(self) -> None:
        if self._age() > _STALE_SECONDS:
            raise IssuerError("the issuer could not be asked for its keys a moment ago", fix=_LATER)

    async def _discover(self) -> Mapping[str, Any]:
        where = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        about = await asyncio.to_thread(self._fetch, where, None, {})
        if not isinstance(about, dict) or about.get("issuer") != self.url:
            named = about.get("issuer") if isinstance(about, dict) else None
            raise IssuerError(
                f"the issuer calls itself {named!r}, and config.yaml says {self.url!r}",
                fix="write web.oidc.issuer as the issuer does",
            )
        if not isinstance(about.get("jwks_uri"), str):
            raise IssuerError("the issuer does not say where its keys are", fix=_NO_ISSUER)
        self._about = about
        return about


def _keys(said: object) -> Mapping[str, jwt.PyJWK]:
    """Return the keys that sign, by their ids; kinds that we do not know are passed over."""
    rows = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(rows, list):
        raise IssuerError("what the issuer says of its keys is no set of keys", fix=_NO_ISSUER)
    found: dict[str, jwt.PyJWK] = {}
    for row in rows:
        if not isinstance(row, dict) or row.get("use", "sig") != "sig" or row.get("kty") == "oct":
            continue
        try:
            found[str(row.get("kid", ""))] = jwt.PyJWK(row)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
    return found
