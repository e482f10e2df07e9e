# SPDX-License-Identifier: Apache-2.0
"""The box: a real Debian 13 with a real systemd, booted in well under a second.

Standard library only: it runs on the system's Python of Debian 12 and 13, without a venv.
"""

from tests.box.box import Box
from tests.box.container import Bind
from tests.box.errors import BoxCommandError, BoxError, BoxTimeoutError
from tests.box.guest import Guest
from tests.box.identity import inside_a_box
from tests.box.layers import Layer, layer_of_deb, make
from tests.box.leftovers import sweep
from tests.box.package import build_deb, installed_layer, judge, web_deb, web_layer
from tests.box.recipes import ANSIBLE, BASE, BUILD, CRON, PROXIES, TEST, WEB

__all__ = [
    "ANSIBLE",
    "BASE",
    "BUILD",
    "CRON",
    "PROXIES",
    "TEST",
    "WEB",
    "Bind",
    "Box",
    "BoxCommandError",
    "BoxError",
    "BoxTimeoutError",
    "Guest",
    "Layer",
    "build_deb",
    "inside_a_box",
    "installed_layer",
    "judge",
    "layer_of_deb",
    "make",
    "sweep",
    "web_deb",
    "web_layer",
]
