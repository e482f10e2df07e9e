# SPDX-License-Identifier: Apache-2.0
"""The root door for callers that are not root: Varlink, io.debvisor.Timers."""
