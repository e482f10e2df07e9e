# SPDX-License-Identifier: Apache-2.0
"""Who has sent a request: by a token, an access token of an issuer, a session, a socket's peer."""
