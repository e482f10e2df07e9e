# SPDX-License-Identifier: Apache-2.0
"""Where the pages are: by the name that its picture has, the address of each."""

from __future__ import annotations

from collections.abc import Mapping

from tests.browser.site import Site

_SAME = {
    "overview": "/",
    "timeline-day": "/timeline",
    "timeline-week": "/timeline?show=week",
    "graph": "/graph",
}
NOT_FOUND = "/jobs/there-is-no-such-job"
LARGE: Mapping[str, str] = {**_SAME, "overview-found": "/?q=backup+web"}


def small(site: Site) -> Mapping[str, str]:
    """Return the pages of the small host; `nightly-backup` has a run with output."""
    newest = site.host.json("history", "nightly-backup")[0]["run"]
    return {
        **_SAME,
        "job": "/jobs/nightly-backup",
        "job-failing": "/jobs/renew-certificates",
        "job-paused": "/jobs/scrub-pool",
        "run": f"/jobs/nightly-backup/runs/{newest}",
        "new": "/new",
        "edit": "/jobs/nightly-backup/edit",
        "audit": "/audit",
        "api": "/api/v1/docs",
        "tokens": "/tokens",
        "settings": "/settings",
    }
