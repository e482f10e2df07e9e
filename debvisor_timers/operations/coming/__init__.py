# SPDX-License-Identifier: Apache-2.0
"""What will run: elapses, jitter, skips, crowds, and the timeline."""
