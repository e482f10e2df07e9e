# SPDX-License-Identifier: Apache-2.0
"""Tests of what the shipped task types do, as far as it needs no hypervisor."""
