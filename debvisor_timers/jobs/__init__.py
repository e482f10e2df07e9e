# SPDX-License-Identifier: Apache-2.0
"""What a job is: the table of keys, the model, loading, checking."""
