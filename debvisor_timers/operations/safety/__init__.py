# SPDX-License-Identifier: Apache-2.0
"""Ways back: what is tried until it is confirmed, older generations, what differs between them."""
