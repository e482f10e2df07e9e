# SPDX-License-Identifier: Apache-2.0
"""From what files say to what systemd has: plan, apply, recover, renew."""
