# SPDX-License-Identifier: Apache-2.0
"""Job files are shown without the secrets in them, and with all the rest."""

from __future__ import annotations

import pytest

from debvisor_timers.jobs.redact_yaml import redact_yaml

KEEP = """\
# all of it is shown
jobs:
  rotate-api-key:
    command: [/usr/bin/rotate, --key-file, /etc/key]
  password-sync: {command: [/bin/true], user: sync}
  nightly:
    description: >
      The password is in the safe.
    credentials: {token: /etc/creds/token}
    environment: {PATH: /usr/bin, TOKEN_FILE: /etc/creds/token}
"""


def test_what_is_no_secret_is_shown_as_it_is() -> None:
    assert "\n".join(redact_yaml(KEEP)) + "\n" == KEEP


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("    input: secret words\n", ["    input: [redacted]"]),
        ("  a: {input: 'secret, words', user: b}\n", ["  a: {input: [redacted], user: b}"]),
        (
            "    input: |\n      secret\n\n      words\n    user: b\n",
            ["    input: |", "      [redacted]", "", "      [redacted]", "    user: b"],
        ),
        (
            "    environment:\n      DB_PASSWORD: hunter2\n      HOME: /root\n",
            ["    environment:", "      DB_PASSWORD: [redacted]", "      HOME: /root"],
        ),
        (
            "      API_KEY: >-\n        secret\n        words\n      HOME: /root\n",
            ["      API_KEY: >-", "        [redacted]", "        [redacted]", "      HOME: /root"],
        ),
        (
            "a: |\n  -----BEGIN PRIVATE KEY-----\n  AAAA\n  -----END PRIVATE KEY-----\nb: c\n",
            ["a: |", "  [redacted]", "  [redacted]", "  [redacted]", "b: c"],
        ),
        ("  - [curl, -u, 'me:hunter2', x]\n", ["  - [curl, -u, [redacted], x]"]),
        ("    command: [a, --password, hunter2]\n", ["    command: [a, --password, [redacted]]"]),
        (
            "a: {command: [mysqldump, --all, -phunter2, x]}\nb: [sshpass, '-p', hunter2]\n",
            ["a: {command: [mysqldump, --all, -p[redacted], x]}", "b: [sshpass, '-p', [redacted]]"],
        ),
        (
            "    command:\n      - --password\n      - hunter2\n      - x\n",
            ["    command:", "      - --password", "      - [redacted]", "      - x"],
        ),
    ],
)
def test_secrets_are_left_out(text: str, shown: list[str]) -> None:
    assert redact_yaml(text) == shown


def test_a_long_line_is_left_out() -> None:
    assert redact_yaml("key: " + "x" * 3000) == ["key: [3005 characters left out]"]
