# SPDX-License-Identifier: Apache-2.0
"""Pictures of the pages as values: pure, and with classes in place of colours."""
