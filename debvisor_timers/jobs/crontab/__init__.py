# SPDX-License-Identifier: Apache-2.0
"""Crontabs as Debian's cron reads them: entries with their places, jobs made of them, and back."""
