# SPDX-License-Identifier: Apache-2.0
"""The tokens that there are now: read again when their file has changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.operations.access.tokens import Token, digest_of, read_tokens

_Stamp = tuple[int, int, int]


class TokenTable:
    """Tokens by their digests; a look costs one call to the kernel."""

    def __init__(self, path: Path) -> None:
        """path: the file that `token create` writes."""
        self._path = path
        self._stamp: _Stamp | None = None
        self._tokens: Mapping[str, Token] = {}

    def of_secret(self, secret: str) -> Token | None:
        """Return the token that this is, None where there is none such."""
        return self.of_digest(digest_of(secret))

    def of_digest(self, digest: str) -> Token | None:
        """Return the token of a digest. Raises SystemdError where the file is damaged."""
        return self._now().get(digest)

    def digests(self) -> set[str]:
        """Return the digests of all tokens."""
        return set(self._now())

    def _now(self) -> Mapping[str, Token]:
        stamp = self._stamped()
        if stamp is None or stamp != self._stamp:
            self._tokens = self._read()
            self._stamp = stamp  # of before the reading: what is written meanwhile is seen next
        return self._tokens

    def _read(self) -> Mapping[str, Token]:
        try:
            return read_tokens(self._path)
        except PermissionRefusedError as error:
            raise SystemdError(
                f"the server may not read {self._path}",
                fix="give it back to the group: chgrp debvisor-timers and chmod 0640",
            ) from error

    def _stamped(self) -> _Stamp | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - at each request
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size
