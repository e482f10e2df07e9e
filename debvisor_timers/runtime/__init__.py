# SPDX-License-Identifier: Apache-2.0
"""Inside each job's unit: begin, run, end; programs by themselves, installed without `.py`."""
