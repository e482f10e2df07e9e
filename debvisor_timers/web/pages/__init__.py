# SPDX-License-Identifier: Apache-2.0
"""The pages: one module a page, each with a `router`; made on the server."""

from __future__ import annotations

from fastapi import APIRouter

PAGES: tuple[APIRouter, ...] = ()
"""Every router of pages, below /."""
