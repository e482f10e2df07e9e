# SPDX-License-Identifier: Apache-2.0
"""Tests in a virtual machine, for what a box cannot do: `make test-heavy`."""
