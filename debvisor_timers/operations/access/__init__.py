# SPDX-License-Identifier: Apache-2.0
"""Who may ask for what from elsewhere: roles, and the tokens that have them."""
