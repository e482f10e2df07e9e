# SPDX-License-Identifier: Apache-2.0
"""Jobs that come from elsewhere or go there: backups, imports, exports."""
