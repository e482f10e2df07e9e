# SPDX-License-Identifier: Apache-2.0
"""telling: which ends of runs that have not failed somebody is told of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from debvisor_timers.runtime import notes
from debvisor_timers.runtime.telling import is_another, is_to_be_told

SKIP = {
    "DEBVISOR_RESULT": "success",
    "DEBVISOR_SKIPPED": "paused by root",
    "DEBVISOR_END_USEC": "5000",
}
SUCCESS = {"DEBVISOR_RESULT": "success"}
FIRST = {"SKIP_REASON": "paused by root", "SKIP_USEC": "1000"}


@pytest.mark.parametrize(
    ("told", "last", "expected"),
    [
        ({}, {}, True),
        (FIRST, {}, False),
        (FIRST, {"DEBVISOR_END_USEC": "900"}, False),
        (FIRST, {"DEBVISOR_END_USEC": "1100"}, True),
        ({**FIRST, "SKIP_REASON": "maintenance"}, {}, True),
        ({**FIRST, "SKIP_AGAIN_USEC": "5001"}, {"DEBVISOR_END_USEC": "1100"}, False),
        ({**FIRST, "SKIP_AGAIN_USEC": "5000"}, {}, True),
    ],
)
def test_the_first_of_a_row_of_skips_is_told(
    told: dict[str, str], last: dict[str, str], *, expected: bool
) -> None:
    assert is_another(SKIP, told, last) is expected


@pytest.mark.parametrize(
    ("fields", "noted", "wanted", "expected"),
    [
        (SUCCESS, "SEEN=a\nTOLD_USEC=1\n", "", True),
        (SUCCESS, "SEEN=a\nFAILURES=1\n", "", False),
        (SUCCESS, "20261123T120000Z-0d4c52\n", "", False),
        (SUCCESS, "", "started skipped", False),
        ({"DEBVISOR_RESULT": "exit-code"}, "SEEN=a\nTOLD_USEC=1\n", "skipped", False),
        (SKIP, "SEEN=a\nTOLD_USEC=1\n", "", False),
        (SKIP, "", "started", False),
        (SKIP, "", "started skipped", True),
    ],
)
def test_an_end_is_told_where_the_job_asks_for_it(
    tmp_path: Path, fields: dict[str, str], noted: str, wanted: str, *, expected: bool
) -> None:
    (tmp_path / "notified").mkdir()
    (tmp_path / "notified" / "backup").write_text(noted, encoding="utf-8")
    unit = {("[Service]", "X-Notify"): [wanted]} if wanted else {}
    ending = SimpleNamespace(
        job="backup",
        fields=fields,
        unit=unit,
        lasted=lambda: False,
        notes=SimpleNamespace(read=notes.read, STATE=str(tmp_path)),
    )
    assert is_to_be_told(ending) is expected
