# SPDX-License-Identifier: Apache-2.0
"""What a user can do: one module a verb."""
