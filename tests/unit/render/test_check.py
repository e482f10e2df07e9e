# SPDX-License-Identifier: Apache-2.0
"""What systemd must be new enough for, and lines that are too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from debvisor_timers.errors import RefusedError, RenderError
from debvisor_timers.jobs import owned
from debvisor_timers.render.check import Row
from debvisor_timers.render.job import render_job
from debvisor_timers.render.service import SERVICE
from debvisor_timers.render.timer import BOOT_TIMER, TIMER
from tests.unit.render.settings import job, settings


def test_a_systemd_too_old_for_us_is_refused_by_version() -> None:
    with pytest.raises(RefusedError) as caught:
        render_job(job(), settings(version=252), generation=1)
    assert caught.value.message == (
        "debvisor-job-a.timer: DeferReactivation= needs systemd 257; this host runs systemd 252"
    )


def test_a_directive_of_the_user_that_is_too_new_is_refused_by_version() -> None:
    new = job(unit={"Service": {"PrivateBPF": "yes"}})
    with pytest.raises(RefusedError, match="PrivateBPF= needs systemd 258"):
        render_job(new, settings(version=257), generation=1)
    text = render_job(new, settings(version=258), generation=1).files["debvisor-job-a.service"]
    assert "PrivateBPF=yes\n" in text


def test_a_line_longer_than_systemd_reads_is_refused() -> None:
    long = job(command=["/bin/true", *["\x01" * 40_000] * 6])
    assert render_job(long, settings(), generation=1)
    longer = long.model_copy(update={"command": ("/bin/true", *["\x01" * 40_000] * 7)})
    with pytest.raises(RenderError, match="longer than 1000000 bytes"):
        render_job(longer, settings(), generation=1)


ADDITIVE = {"Documentation", "After", "OnSuccess", "OnFailure"}
"""Directives of ours that a user may add to: each line adds to a list."""


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        (SERVICE["Unit"], owned.UNIT),
        (SERVICE["Service"], owned.SERVICE),
        (TIMER["Timer"], owned.TIMER),
        (BOOT_TIMER["Timer"], owned.TIMER),
    ],
)
def test_the_escape_hatch_refuses_every_directive_of_ours(
    table: Sequence[Row], refused: Mapping[str, str]
) -> None:
    ours = {row.key for row in table if row.key}
    assert ours - set(refused) - ADDITIVE == set()
