# SPDX-License-Identifier: Apache-2.0
"""Which commands end at once where systemd runs: real ones, and those that only look like it."""

from __future__ import annotations

import pytest

from debvisor_timers.jobs.crontab.inert import does_nothing, script_does_nothing


@pytest.mark.parametrize(
    "command",
    [
        "test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r",
        "[ -d /run/systemd/system ] || run >/dev/null 2>&1",
        "[ ! -d /run/systemd/system ] && run",
        "[ -d /run/systemd/system ] || (run) >x 2>&1",
        "[ ! -d /run/systemd/system ] && run | (other)",
        "test ! -d /run/systemd/system && run && then_that",
        "! [ -e /run/systemd/system ] && run",
        r"test -x /usr/bin/certbot -a \! -d /run/systemd/system && perl -e 'sleep 1' && certbot",
        "[ -x /s ] && if [ ! -d /run/systemd/system ]; then /s; fi",
        "if [ -x /a ] && ! [ -d /run/systemd/system ]; then exec /usr/sbin/a start >/dev/null; fi",
    ],
)
def test_a_command_that_asks_for_systemd_first_does_nothing(command: str) -> None:
    assert does_nothing(command)


@pytest.mark.parametrize(
    "command",
    [
        "[ -d /run/systemd/system ] && run",
        "[ -d /run/systemd/system ] || run; other",
        "[ -d /run/systemd/system ] || run && other",
        "[ -d /run/systemd/system ] || run & other",
        "[ -d /run/systemd/system ] || (run); other",
        "[ -d /run/systemd/system ] || (run)&& other",
        "[ -d /run/systemd/system ] || (run)& other",
        "[ ! -d /run/systemd/system ] && run || other",
        "[ ! -d /run/systemd/system ] && (run); other",
        "[ ! -d /run/systemd/system ] && (run)||other",
        "[ ! -d /run/systemd/system ] && run; other",
        "[ ! -d /run/systemd/system -o -e /x ] && run",
        "before && [ ! -d /run/systemd/system ] && run",
        "[ $(count) ] && [ ! -d /run/systemd/system ] && run",
        "if [ ! -d /run/systemd/system ]; then run; else other; fi",
        "if [ ! -d /run/systemd/system ]; then run; fi; other",
        "if [ ! -d /run/systemd/system ]; then run; fi; other fi",
        "if before; [ ! -d /run/systemd/system ]; then run; fi",
        "[ ! -d /run/systemd ] && run",
        "echo [ ! -d /run/systemd/system ] && run",
        "run",
        "an 'open quote",
        "",
    ],
)
def test_any_other_command_may_do_something(command: str) -> None:
    assert not does_nothing(command)


LOGROTATE = """\
#!/bin/sh

# skip in favour of systemd timer
if [ -d /run/systemd/system ]; then
    exit 0
fi
/usr/sbin/logrotate /etc/logrotate.conf
"""
MAN_DB = """\
#!/bin/sh
set -e

if [ -d /run/systemd/system ]; then
    # Skip in favour of systemd timer.
    exit 0
fi
iosched_idle=
"""
EXIM = """\
#!/bin/sh
if [ -d /run/systemd/system ] && [ "$X" != "systemd-timer" ]; then
    exit 0
fi
"""


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        (LOGROTATE, True),
        (MAN_DB, True),
        ("#!/bin/sh\n[ -d /run/systemd/system ] && exit 0\nrun\n", True),
        (EXIM, False),
        ("#!/bin/sh\nrun\n" + LOGROTATE, False),
        (LOGROTATE.replace("/bin/sh", "/usr/bin/perl"), False),
        ("#!/bin/sh\nif [ -d /run/systemd/system ]; then\n run; exit 0\nfi\n", False),
        ("#!/bin/sh\nif [ ! -d /run/systemd/system ]; then exit 0; fi\n", False),
        ("", False),
    ],
)
def test_a_script_that_ends_at_once_is_known(text: str, *, nothing: bool) -> None:
    assert script_does_nothing(text) is nothing
