# SPDX-License-Identifier: Apache-2.0
"""Runs one by one: started, stopped, told, looked for."""
