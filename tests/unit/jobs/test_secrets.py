# SPDX-License-Identifier: Apache-2.0
"""Which variables are taken for secrets, and which are left alone."""

from __future__ import annotations

import pytest

from debvisor_timers.jobs.secrets import credential_name, secret_in

NAME, KEY, URL, RANDOM = (
    "its name says so",
    "its value is a key or a token",
    "its value is an address with a password in it",
    "its value looks random",
)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("DB_PASSWORD", "hunter2", NAME),
        ("RESTIC_PASSWORD", "correct horse", NAME),
        ("PGPASSWORD", "x", NAME),
        ("GITHUB_TOKEN", "x", NAME),
        ("token", "abc", NAME),
        ("CLIENT_SECRET", "s3cr3t", NAME),
        ("API_KEY", "k", NAME),
        ("apikey", "k", NAME),
        ("AWS_SECRET_ACCESS_KEY", "k", NAME),
        ("SSH_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", KEY),
        ("GPG", "-----BEGIN PGP PRIVATE KEY BLOCK-----", KEY),
        ("ID", "AKIAIOSFODNN7EXAMPLE", KEY),
        ("X", "ghp_0123456789abcdefghijABCDEFGHIJ012345", KEY),
        ("X", "glpat-0123456789abcdefghij", KEY),
        ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", KEY),
        ("REPOSITORY", "rest:https://me:secret@backup.example.org/", URL),
        ("DATABASE_URL", "postgresql://app:pw@db/app", URL),
        ("REDIS", "redis://:pw@localhost", URL),
        ("X", "9f86d081884c7d659a2feaa0c55ad015", RANDOM),
        ("X", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEX4MP1EK3Y", RANDOM),
        ("X", "4fQ9x2Lm7Zp1Vt8Kc3Wn6Rb5Yd0Hs4Ja", RANDOM),
    ],
)
def test_what_looks_like_a_secret(name: str, value: str, why: str) -> None:
    assert secret_in(name, value) == why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RESTIC_PASSWORD_FILE", "/etc/restic/password"),
        ("PASSWORD_FILE", "password"),
        ("TOKEN", "/run/token"),
        ("TOKEN", "$CREDENTIALS_DIRECTORY/token"),
        ("TOKEN", "%d/token"),
        ("PASSWORD_COMMAND", "pass show x"),
        ("SECRET_NAME", "db"),
        ("TOKEN_LIFETIME", "3600"),
        ("REQUIRE_PASSWORD", "true"),
        ("PASSWORD", ""),
        ("MAX_TOKENS", "5"),
        ("TOKENIZER", "bpe"),
        ("COMPASS", "north"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"),
        ("REPOSITORY", "https://backup.example.org:8000/homes"),
        ("REPOSITORY", "sftp://me@backup.example.org/srv"),
        ("MAIL", "me:you@example.org"),
        ("FSID", "0f9d3bc1a2e84c7db5f60718293a4b5c"),
        ("X", "0f9d3bc1-a2e8-4c7d-b5f6-0718293a4b5c"),
        ("IMAGE_SHA256", "9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015"),
        ("COMMIT", "9f86d081884c7d659a2feaa0c55ad01512345678"),
        ("OPTIONS", "--verbose-and-long-option-without-end"),
        ("NAME", "a-long-name-of-many-words-joined-by-dashes"),
        ("X", "00000000000000000000000000000001"),
        ("X", "2026-11-23-2026-11-24-2026-11-25"),
    ],
)
def test_what_does_not(name: str, value: str) -> None:
    assert secret_in(name, value) == ""


@pytest.mark.parametrize(
    ("variable", "name"), [("DB_PASSWORD", "db-password"), ("_X", "x"), ("_", "secret")]
)
def test_the_credential_in_its_place_has_a_name(variable: str, name: str) -> None:
    assert credential_name(variable) == name
