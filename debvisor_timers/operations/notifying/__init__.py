# SPDX-License-Identifier: Apache-2.0
"""Who is told of what, and when: events, the queue of messages, and their delivery."""
