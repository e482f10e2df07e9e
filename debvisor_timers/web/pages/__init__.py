# SPDX-License-Identifier: Apache-2.0
"""The pages: one module a page, each with a `router`; made on the server."""

from __future__ import annotations

from fastapi import APIRouter

from debvisor_timers.web.pages import sign_in, sign_in_oidc

PAGES: tuple[APIRouter, ...] = (sign_in.router, sign_in_oidc.router)
"""Every router of pages, below /."""
