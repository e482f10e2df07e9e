# SPDX-License-Identifier: Apache-2.0
"""What requests and answers look like: the schemas of the OpenAPI document."""
