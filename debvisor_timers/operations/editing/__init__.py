# SPDX-License-Identifier: Apache-2.0
"""Job files that commands edit, and the apply of what was edited alone."""
