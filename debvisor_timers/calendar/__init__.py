# SPDX-License-Identifier: Apache-2.0
"""When it runs: cron, OnCalendar, words."""
