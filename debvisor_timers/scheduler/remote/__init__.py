# SPDX-License-Identifier: Apache-2.0
"""The Python API over the network: the calls of the guide, asked of a server."""
