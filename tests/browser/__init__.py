# SPDX-License-Identifier: Apache-2.0
"""The pages in a real Chromium, served by the installed package in a box."""
