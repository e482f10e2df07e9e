# SPDX-License-Identifier: Apache-2.0
"""What the shipped tasks compute, without the tools that they call."""
