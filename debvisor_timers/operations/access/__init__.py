# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles, tokens, the policy for callers that are not root."""
