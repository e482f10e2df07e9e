# SPDX-License-Identifier: Apache-2.0
"""Texts without the secrets in them, and all else as it was."""

from __future__ import annotations

import time

import pytest

from debvisor_timers.jobs.redact import redact, redact_line, redact_words

LINES = {
    "+Environment=DB_PASSWORD=hunter2x": "+Environment=DB_PASSWORD=[redacted]",
    '+Environment="DB_PASSWORD=hunter2 x"': '+Environment="DB_PASSWORD=[redacted]"',
    r'+Environment="API_KEY=a\"b"': '+Environment="API_KEY=[redacted]"',
    "-Environment=TOKEN=%%abc": "-Environment=TOKEN=[redacted]",
    "+Environment=DSN=postgres://me:hunter2x@db/x": "+Environment=DSN=[redacted]",
    "+Environment=A=4bd1f0a9c6e8427d9a3e5b7f10c2d4e6": "+Environment=A=[redacted]",
    "+StandardInputData=aHVudGVyMg==": "+StandardInputData=[redacted]",
    " StandardInputData=aHVudGVyMg==": " StandardInputData=[redacted]",
    "+SetCredential=db:hunter2x": "+SetCredential=db:[redacted]",
    "+ExecStart=/bin/x --password=hunter2x -v": "+ExecStart=/bin/x --password=[redacted] -v",
    "+ExecStart=/bin/x --api-key hunter2x -v": "+ExecStart=/bin/x --api-key [redacted] -v",
    '+ExecStart=/bin/x "--token" "hunter 2x" y': '+ExecStart=/bin/x "--token" [redacted] y',
    "+ExecStart=/bin/x --password=$$hunter2x": "+ExecStart=/bin/x --password=[redacted]",
    '+ExecStart=/bin/sh -c "PGPASSWORD=hunter2x psql"': (
        '+ExecStart=/bin/sh -c "PGPASSWORD=[redacted] psql"'
    ),
    "+ExecStart=/bin/curl https://me:hunter2x@host/path": (
        "+ExecStart=/bin/curl https://me:[redacted]@host/path"
    ),
    "+ExecStart=/bin/curl https://host/?token=hunter2x&a=b": (
        "+ExecStart=/bin/curl https://host/?token=[redacted]&a=b"
    ),
    '+ExecStart=/bin/curl -H "Authorization: Bearer hunter2x"': (
        '+ExecStart=/bin/curl -H "Authorization: [redacted]"'
    ),
    "+ExecStart=/bin/x ghp_0123456789abcdefghijklmnopqrstuvwxyz": "+ExecStart=/bin/x [redacted]",
    "+ExecStart=/bin/x 4bd1f0a9c6e8427d9a3e5b7f10c2d4e6 y": "+ExecStart=/bin/x [redacted] y",
    '+ExecStart=/bin/x "--password=correct horse" y': (
        '+ExecStart=/bin/x "--password=[redacted]" y'
    ),
    r'+ExecStart=/bin/x "--password=ab\"cd ef" y': '+ExecStart=/bin/x "--password=[redacted]" y',
    "+ExecStart=/bin/x --password=ab,cd;ef&gh y": "+ExecStart=/bin/x --password=[redacted] y",
    '+ExecStart=/bin/x -e "DB_PASSWORD=a b"': '+ExecStart=/bin/x -e "DB_PASSWORD=[redacted]"',
    '+ExecStart=/bin/x -H "X-Api-Key: a b"': '+ExecStart=/bin/x -H "X-Api-Key: [redacted]"',
    "+ExecStart=/bin/x --password=/hunter2x": "+ExecStart=/bin/x --password=[redacted]",
    r'+ExecStart=/bin/sh -c "x --password=\"a b\" y"': (
        '+ExecStart=/bin/sh -c "x --password=[redacted] y"'
    ),
    r'+ExecStart=/bin/x "{\"password\": \"a b\", \"x\": 1}"': (
        r'+ExecStart=/bin/x "{\"password\": [redacted], \"x\": 1}"'
    ),
    '+ExecStart=/bin/sh -c "PW=1 PGPASSWORD=ab,cd psql; x"': (
        '+ExecStart=/bin/sh -c "PW=1 PGPASSWORD=[redacted] psql; x"'
    ),
    "+channels.ops.exec=/bin/tell '--password=a b' x": (
        "+channels.ops.exec=/bin/tell '--password=[redacted]' x"
    ),
    "-jobs.a.tags.api-token=hunter2x": "-jobs.a.tags.api-token=[redacted]",
    "+Environment=DB_PASSWORD=-hunter2x": "+Environment=DB_PASSWORD=[redacted]",
    "+Environment=DB_PASSWORD=/hunter2x": "+Environment=DB_PASSWORD=[redacted]",
    "+Environment=DB_PASSWORD=$hunter2x": "+Environment=DB_PASSWORD=[redacted]",
    "+Environment=DB_PASSWORD=123": "+Environment=DB_PASSWORD=[redacted]",
    "+Environment=AUTHTOKEN=hunter2x DBPASS=hunter2x": (
        "+Environment=AUTHTOKEN=[redacted] DBPASS=[redacted]"
    ),
    "+ExecStart=/bin/x postgres://me:hun/ter2@db/x": (
        "+ExecStart=/bin/x postgres://me:[redacted]@db/x"
    ),
    '+ExecStart=/bin/curl -H "Authorization: Token hunter2x"': (
        '+ExecStart=/bin/curl -H "Authorization: [redacted]"'
    ),
    '+ExecStart=/bin/curl -H "Cookie: session=hunter2x; a=b"': (
        '+ExecStart=/bin/curl -H "Cookie: [redacted]"'
    ),
    "+ExecStart=/bin/curl -u me:hunter2x https://h/": (
        "+ExecStart=/bin/curl -u me:[redacted] https://h/"
    ),
    "+ExecStart=/bin/curl --user=me:hunter2x": "+ExecStart=/bin/curl --user=me:[redacted]",
    "+ExecStart=/usr/bin/mysqldump -u me -phunter2x db": (
        "+ExecStart=/usr/bin/mysqldump -u me -p[redacted] db"
    ),
    "+ExecStart=/usr/bin/sshpass -p hunter2x ssh h": (
        "+ExecStart=/usr/bin/sshpass -p [redacted] ssh h"
    ),
    "+ExecStart=/bin/curl https://hooks.slack.com/services/T0/B0/abc": (
        "+ExecStart=/bin/curl https://hooks.slack.com/services/[redacted]"
    ),
}
KEPT = [
    "+ExecStart=/usr/libexec/debvisor-timers/run nightly /bin/true --password-file /etc/pw",
    f"+ExecStart=/usr/libexec/debvisor-timers/run a /var/lib/debvisor-timers/scripts/{'9f' * 32}",
    "+Environment=DB_PASSWORD_FILE=/etc/pw",
    "+Environment=PATH=/usr/bin LANG=C.UTF-8",
    "+OnCalendar=*-*-* 02:00:00",
    "+Digest=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "+LoadCredential=db-password:/etc/creds/db",
    "@@ -1,3 +1,4 @@",
    "-> ../debvisor-job-a.timer",
    "+Description=Copy the tokens of the day",
    "+ExecStart=/bin/x --password=$PASSWORD --token=${TOKEN}",
    "+ExecStart=/bin/x --password=true",
    "+ExecStart=/usr/bin/podman run --user=1000:1000 -p 8080:80 x",
    "+ExecStart=/bin/curl http://host:80/path?mail=me@host",
]


@pytest.mark.parametrize("line", LINES)
def test_a_secret_is_left_out_of_a_line_of_a_unit(line: str) -> None:
    assert redact_line(line) == LINES[line]


@pytest.mark.parametrize("line", KEPT)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact_line(line) == line


def test_a_private_key_is_left_out_whole() -> None:
    text = "a -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY----- b"
    assert redact(text) == "a [redacted] b"
    assert redact("-----BEGIN PRIVATE KEY-----\nMIIEow") == "[redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "job 'nightly' is running already",
        "cannot write into /etc/systemd/system: Read-only file system",
        "systemd did not start debvisor-job-new.timer",
        "process 4711 (debvisor-timers apply) is changing jobs right now",
        "run 20261123T020000Z-4f2a9c of job 'a' did not fail: it succeeded",
    ],
)
def test_messages_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["tell", "--token", "hunter2", "x"], ["tell", "--token", "[redacted]", "x"]),
        (["/bin/mysqldump", "-phunter2", "--all"], ["/bin/mysqldump", "-p[redacted]", "--all"]),
        (["curl", "-u", "bob:hunter2"], ["curl", "-u", "bob:[redacted]"]),
        (["sshpass", "-p", "hunter2", "ssh"], ["sshpass", "-p", "[redacted]", "ssh"]),
        (["tell", "--user", "bob", "-v", "*-12-25"], ["tell", "--user", "bob", "-v", "*-12-25"]),
        ([], []),
    ],
)
def test_words_of_a_command_are_without_secrets(words: list[str], shown: list[str]) -> None:
    assert redact_words(words) == shown


def test_a_message_that_quotes_a_secret_is_without_it() -> None:
    text = "cannot start: password: hunter2x, at ssh://me:hunter2x@host"
    assert redact(text) == "cannot start: password: [redacted], at ssh://me:[redacted]@host"


@pytest.mark.parametrize("part", ["a", "a:", "a://b:", "mysql ", '\\"', "-u "])
def test_no_text_takes_long_to_look_through(part: str) -> None:
    text = part * (4_000 // len(part))
    begin = time.process_time()
    redact(text)
    assert time.process_time() - begin < 1
