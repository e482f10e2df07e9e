# SPDX-License-Identifier: Apache-2.0
"""The guide of the system to implement, and what it says to type."""
