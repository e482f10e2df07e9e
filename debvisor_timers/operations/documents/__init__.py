# SPDX-License-Identifier: Apache-2.0
"""How answers look to programs: the same documents for --json and for the web server."""
