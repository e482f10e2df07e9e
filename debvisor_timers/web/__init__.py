# SPDX-License-Identifier: Apache-2.0
"""The REST API and the web page: a server that may do nothing, and asks the agent."""
