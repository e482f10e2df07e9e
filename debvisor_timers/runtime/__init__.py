# SPDX-License-Identifier: Apache-2.0
"""Inside each job's unit: programs by themselves, and modules that they load from beside them.

The package has both in one folder: programs (those with a `main`) without `.py`, modules with it.
"""
