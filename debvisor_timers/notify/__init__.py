# SPDX-License-Identifier: Apache-2.0
"""Who is told, and how: what a message is, and each kind of channel."""
