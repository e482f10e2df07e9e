# SPDX-License-Identifier: Apache-2.0
"""A host that moves to another zone, and a zone whose law is changed: noticed, and mended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.box import Box, Layer
from tests.box.zone import Change, install_zone
from tests.system.host import UNITS, Host

ZONE = "Test/Law"
JOBS = """\
jobs:
  nightly:
    schedule: "30 2 * * *"
    command: [/bin/true]
  noon:
    schedule: "0 12 * * *"
    command: [/bin/true]
  abroad:
    schedule: {cron: "30 2 * * *", timezone: Test/Law}
    command: [/bin/true]
  named:
    schedule: {cron: "NOW", timezone: Etc/UTC, exclude: [2026-01-01]}
    command: [/bin/true]
"""


def law(box: Box, *, days: int, is_yearly: bool = True) -> None:
    """Let the clock of ZONE be changed in so many days, at 02:00 of its own standard time."""
    at = (datetime.now(UTC) + timedelta(days=days)).replace(hour=1, minute=0, second=0)
    at = at.replace(microsecond=0)
    install_zone(box, change=Change.GAP, at=at, name=ZONE, is_yearly=is_yearly)


@pytest.fixture
def host(installed: Layer) -> Iterator[Host]:
    with Box(installed, timezone="Etc/UTC") as box:
        law(box, days=20)
        new = Host(box.started())
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        new.apply(JOBS.replace("NOW", f"{hour_ago:%M %H} * * *"))
        new.watch()
        yield new


def timer(host: Host, job: str) -> str:
    return host.box.read(f"{UNITS}/debvisor-job-{job}.timer")


def findings(host: Host) -> dict[str, str]:
    answer = host.json("status", expect=10)
    return {finding["subject"]: finding["message"] for finding in answer["findings"]}


def hold(host: Host) -> None:
    """Keep the timer and dpkg from mending what a test wants to see unmended."""
    host.box.run("systemctl mask --runtime --now debvisor-timers-renew.timer")
    host.box.run("systemctl mask --runtime debvisor-timers-renew.service")


def test_another_zone_of_the_host_is_mended_unasked(host: Host) -> None:
    host.box.run("ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime.new")
    host.box.run("mv -T /etc/localtime.new /etc/localtime")

    law = "X-ClockChanges=Europe/Berlin"
    host.box.wait_until(lambda: law in timer(host, "nightly"), 20, "it is renewed")
    host.box.wait_until(
        "systemctl show -P ActiveState debvisor-timers-renew.service | grep -q inactive"
    )
    assert "Sun *-03-25..31 01:00:00 UTC" in timer(host, "nightly")
    assert host.plan_is_empty()
    assert len(host.running_timers()) == 4
    assert host.started() == []


def test_another_zone_of_the_host_is_noticed_by_status_and_mended_by_apply(host: Host) -> None:
    hold(host)
    host.box.run("ln -sf /usr/share/zoneinfo/Europe/Berlin /etc/localtime")

    assert findings(host)["nightly"].startswith("its units are for another zone of the host")
    assert "1 updated" in host.apply().stdout
    assert "Sun *-03-25..31 01:00:00 UTC" in timer(host, "nightly")
    assert host.json("status")["healthy"]
    assert host.started() == []


def test_another_law_of_a_zone_is_noticed_by_status_and_mended_by_apply(host: Host) -> None:
    before = timer(host, "abroad")
    law(host.box, days=27)

    message = findings(host)["abroad"]
    assert message.startswith(f"its timer is for the clock changes of {ZONE}, STD-1DST,M")
    assert "1 updated" in host.apply().stdout
    assert timer(host, "abroad") != before
    assert host.json("status")["healthy"]
    assert host.started() == []


def test_an_upgrade_of_tzdata_renews_timers_unasked_and_nothing_else(host: Host) -> None:
    """dpkg tells us of each package that has changed what is below /usr/share/zoneinfo."""
    before = timer(host, "abroad")
    law(host.box, days=27)
    host.write(host.box.read("/etc/debvisor/timers/jobs.d/jobs.yaml").replace("0 12", "0 13"))

    host.box.run(
        "dpkg-trigger --by-package=tzdata /usr/share/zoneinfo && dpkg --triggers-only --pending",
        timeout=120,
    )

    host.box.wait_until(lambda: timer(host, "abroad") != before, 20, "it is renewed")
    assert "12:00:00" in timer(host, "noon")
    assert host.started() == []
    assert not host.plan_is_empty()


def test_until_when_a_zone_without_a_rule_is_known(host: Host) -> None:
    law(host.box, days=27, is_yearly=False)
    host.apply()

    (note,) = host.json("status")["notes"]

    last = (datetime.now(UTC) + timedelta(days=27)).date()
    words = f"the clock changes of {ZONE} follow no rule: they are known until {last}"
    assert note == words


def test_a_job_that_names_its_zone_is_not_moved_with_the_host(host: Host) -> None:
    """It ran an hour ago; by the clock of the new place that time would come once more today."""
    hold(host)
    ask = "systemctl show -P NextElapseUSecRealtime debvisor-job-named.timer"
    before = host.box.run(ask, env={"TZ": "UTC"}).stdout
    host.box.run("ln -sf /usr/share/zoneinfo/America/New_York /etc/localtime")
    host.box.run("systemctl daemon-reload")

    assert host.box.run(ask, env={"TZ": "UTC"}).stdout == before
    assert host.started() == []
    assert set(findings(host)) == {"nightly"}
