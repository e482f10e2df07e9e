# SPDX-License-Identifier: Apache-2.0
"""A user's own OnCalendar= value."""

from __future__ import annotations

from debvisor_timers.calendar.systemd_syntax import describe_on_calendar


def test_a_users_own_value_is_shown_as_it_is() -> None:
    assert describe_on_calendar(" Mon..Fri   03:00 ") == "Mon..Fri 03:00"
