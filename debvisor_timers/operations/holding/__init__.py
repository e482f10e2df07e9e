# SPDX-License-Identifier: Apache-2.0
"""Runs that are held back by somebody, and runs that make up for such."""
