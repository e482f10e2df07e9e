# SPDX-License-Identifier: Apache-2.0
"""Independent models that tests compare the package with; they share no code with it."""
