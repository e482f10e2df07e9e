# SPDX-License-Identifier: Apache-2.0
"""The pages: one module a page, each with a `router`; made on the server."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.pages import edit, graph, job, overview, timeline, trial

PAGES: tuple[APIRouter, ...] = (
    overview.router,
    edit.router,
    job.router,
    timeline.router,
    graph.router,
    trial.router,
)
"""Every router of pages, below /."""
