# SPDX-License-Identifier: Apache-2.0
"""What in a job's environment looks like a secret: everybody on the host can read it there."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|(?:^|_)(?:TOKEN|PWD|PASS)(?:_|$)|API_?KEY|ACCESS_?KEY"
    r"|PRIVATE_?KEY|AUTH_?KEY|ENCRYPTION_?KEY"
)
# What says where a secret is, or something else about it: RESTIC_PASSWORD_FILE, TOKEN_LIFETIME.
_NO_SECRET_NAME = re.compile(
    r"_(?:FILE|PATH|DIR|DIRECTORY|FOLDER|COMMAND|CMD|NAME|USER|LIFETIME|TTL|TIMEOUT|LENGTH|COUNT"
    r"|POLICY|MODE|TYPE|ID)$"
)
_NO_SECRET = re.compile(r"|true|false|yes|no|on|off|none|[0-9]{1,3}|[/~$%.-].*", re.IGNORECASE)

SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----"
    r"|\bA(?:KI|SI)A[0-9A-Z]{16}\b"  # a key of AWS
    r"|\bgh[opsur]_[0-9A-Za-z]{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}"
    r"|\bxox[abeprs]-[\w-]{10,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"  # a JSON web token
    r"|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"
    r"|\bdvt_[\w-]{40,}"  # one of ours
)
"""Keys and tokens whose form gives them away."""

_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@", re.IGNORECASE)

_TOKEN = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IDENTIFIES = re.compile(r"ID$|SHA|HASH|DIGEST|CHECKSUM|COMMIT|FINGERPRINT|PUBLIC|PUBKEY|REV")
_FEWEST_BITS = 3.2
"""Per character, by its frequencies; 32 random hexadecimal digits have 3.3 or more mostly, words
that are joined by dashes are less mixed (see `_is_mixed`)."""


def secret_in(name: str, value: str) -> str:
    """Return why the variable `name` with `value` looks like a secret, empty where it does not.

    The reason never has the value in it.
    """
    if SECRET_VALUE.search(value):
        return "its value is a key or a token"
    if _URL_WITH_PASSWORD.search(value):
        return "its value is an address with a password in it"
    upper = name.upper()
    if _NO_SECRET.fullmatch(value) or _NO_SECRET_NAME.search(upper):
        return ""
    if _SECRET_NAME.search(upper):
        return "its name says so"
    if _is_random(value) and not _IDENTIFIES.search(upper):
        return "its value looks random"
    return ""


def says_secret(name: str) -> bool:
    """Return True for a name, with underscores, whose value is a secret whatever it is."""
    upper = name.upper()
    return bool(_SECRET_NAME.search(upper)) and not _NO_SECRET_NAME.search(upper)


def credential_name(variable: str) -> str:
    """Return a name for the credential that takes the place of a variable: `db-password`."""
    return variable.lower().strip("_").replace("_", "-") or "secret"


def _is_random(value: str) -> bool:
    if not _TOKEN.fullmatch(value) or _UUID.fullmatch(value) or not _is_mixed(value):
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    return bits >= _FEWEST_BITS


def _is_mixed(value: str) -> bool:
    """Return True where digits stand among the letters, as in no sentence of words."""
    changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(value))
    return changes >= len(value) // 6
