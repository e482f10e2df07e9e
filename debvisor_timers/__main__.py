# SPDX-License-Identifier: Apache-2.0
"""`python3 -m debvisor_timers`: the same as the command `debvisor-timers`."""

from debvisor_timers.cli.main import main

if __name__ == "__main__":
    main()
