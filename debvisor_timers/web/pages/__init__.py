# SPDX-License-Identifier: Apache-2.0
"""The pages: one module a page, each with a `router`; made on the server."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.pages import (
    actions,
    api,
    audit,
    edit,
    graph,
    job,
    overview,
    run,
    settings,
    sign_in,
    sign_in_oidc,
    timeline,
    tokens,
    trial,
)

PAGES: tuple[APIRouter, ...] = (
    sign_in.router,
    sign_in_oidc.router,
    overview.router,
    edit.router,
    job.router,
    run.router,
    timeline.router,
    graph.router,
    trial.router,
    actions.router,
    audit.router,
    tokens.router,
    settings.router,
    api.router,
)
"""Every router of pages, below /."""
