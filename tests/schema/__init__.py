# SPDX-License-Identifier: Apache-2.0
"""The server against its own OpenAPI document: schemathesis asks it everything it promises."""
