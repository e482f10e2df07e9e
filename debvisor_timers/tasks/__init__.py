# SPDX-License-Identifier: Apache-2.0
"""What jobs of shipped task types do: Python handlers, which run in the units of jobs."""
