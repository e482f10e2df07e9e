# SPDX-License-Identifier: Apache-2.0
"""What was: runs that are kept, their statistics, the report."""
