# SPDX-License-Identifier: Apache-2.0
"""Crontabs and hand-written timers brought over, and jobs given back to cron."""
