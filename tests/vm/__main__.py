# SPDX-License-Identifier: Apache-2.0
"""One command in a virtual machine: `python3 -m tests.vm COMMAND [ARGUMENT ...]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.box import BoxError
from tests.box.places import say
from tests.vm import VM, bootable_layer

_HOUR = 3600


def main(command: Sequence[str]) -> int:
    """Boot, run `command`, print what it wrote and return its exit status."""
    if not command:
        say("usage: python3 -m tests.vm COMMAND [ARGUMENT ...]")
        return 2
    try:
        with VM(bootable_layer()).started() as vm:
            done = vm.run(command, check=False, timeout=_HOUR)
    except BoxError as error:
        say(str(error))
        return 1
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
