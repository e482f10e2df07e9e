# SPDX-License-Identifier: Apache-2.0
"""What Debian's cron makes of fields: the answers of crontab -n and of a running cron."""

from __future__ import annotations

import pytest

from debvisor_timers.jobs.crontab.fields import FIELDS, Reading, read_field

MINUTE, HOUR, DAY, MONTH, WEEKDAY = FIELDS


@pytest.mark.parametrize(
    ("text", "field", "reading"),
    [
        ("*", MINUTE, Reading.PLAIN),
        ("*/90", MINUTE, Reading.PLAIN),
        ("5-55/10,59", MINUTE, Reading.PLAIN),
        ("09,007", HOUR, Reading.PLAIN),
        ("jan-mar/2", MONTH, Reading.PLAIN),
        ("mon-fri/2,7", WEEKDAY, Reading.PLAIN),
        ("1-fri", WEEKDAY, Reading.PLAIN),
        ("22-2", HOUR, Reading.ODD),
        ("fri-sun", WEEKDAY, Reading.ODD),
        ("5;x", MINUTE, Reading.ODD),
        ("*5", MINUTE, Reading.ODD),
        ("1.5", MINUTE, Reading.ODD),
        ("1-5-7", MINUTE, Reading.ODD),
        ("5#3", WEEKDAY, Reading.ODD),
        ("1~5", MINUTE, Reading.ODD),
        ("61", MINUTE, Reading.REFUSED),
        ("5/2", MINUTE, Reading.REFUSED),
        ("*/0", MINUTE, Reading.REFUSED),
        ("0", DAY, Reading.REFUSED),
        ("13", MONTH, Reading.REFUSED),
        ("sunday", WEEKDAY, Reading.REFUSED),
        ("5L", WEEKDAY, Reading.REFUSED),
        ("L", DAY, Reading.REFUSED),
        ("1,,2", MINUTE, Reading.REFUSED),
        ("1,", MINUTE, Reading.REFUSED),
        ("+1", MINUTE, Reading.REFUSED),
        ("?", DAY, Reading.REFUSED),
        ("mon", MONTH, Reading.REFUSED),
    ],
)
def test_a_field_is_read_as_cron_reads_it(text: str, field: object, reading: Reading) -> None:
    assert read_field(text, field) is reading  # type: ignore[arg-type]
