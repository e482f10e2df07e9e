# SPDX-License-Identifier: Apache-2.0
"""The box by hand: `python3 -m tests.box --help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from tests.box import layers, leftovers
from tests.box.box import Box
from tests.box.errors import BoxError
from tests.box.inside import boot_with_checkout, pytest_in
from tests.box.layers import Layer, make
from tests.box.package import build_deb, installed_layer, judge
from tests.box.places import say
from tests.box.recipes import TEST

_EPILOG = """\
examples:
  python3 -m tests.box shell                         look around; the box is gone at exit
  python3 -m tests.box run systemctl list-timers     one command
  python3 -m tests.box pytest tests/contract         pytest inside, against the installed .deb
  python3 -m tests.box --checkout pytest tests/unit  pytest inside, against the checkout itself
"""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit status."""
    options = _parser().parse_args(arguments)
    if os.geteuid() != 0:
        say("boxes are containers and overlays: they need root")
        return 1
    try:
        return _COMMANDS[options.command](options)
    except BoxError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.box",
        description="Boot a Debian 13 with the package of this checkout.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--bare", action="store_true", help="without the package")
    kind.add_argument(
        "--checkout", action="store_true", help="without the package; Python finds the checkout"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("shell", help="boot, and give a shell in the box")
    for name, text in (("run", "boot, and run a command"), ("pytest", "boot, and run pytest")):
        # No prefix: options that follow belong to the command, not to us.
        command = commands.add_parser(name, help=text, add_help=False, prefix_chars="\0")
        command.add_argument("arguments", nargs="*")
    build = commands.add_parser("build", help="build the .deb and print its path")
    build.add_argument("--lintian", action="store_true", help="fail on its errors and warnings")
    commands.add_parser("make", help="make the layers that are missing")
    commands.add_parser("clean", help="remove cached layers, packages, and boxes left behind")
    return parser


def _layer(options: argparse.Namespace) -> Layer:
    return make(TEST) if options.bare or options.checkout else installed_layer()


def _boot(options: argparse.Namespace) -> Box:
    return boot_with_checkout(_layer(options), hide_package=not options.checkout)


def _shell(options: argparse.Namespace) -> int:
    with _boot(options) as box:
        say(f"{box.name}; its root is {box.path}; exit leaves and removes it")
        return box.shell()


def _run(options: argparse.Namespace) -> int:
    with _boot(options) as box:
        return box.shell(options.arguments)


def _pytest(options: argparse.Namespace) -> int:
    with _boot(options) as box:
        return pytest_in(box, options.arguments)


def _build(options: argparse.Namespace) -> int:
    deb = build_deb()
    if options.lintian:
        judge(deb)
    sys.stdout.write(f"{deb}\n")
    return 0


def _make(options: argparse.Namespace) -> int:
    sys.stdout.write(f"{_layer(options).path}\n")
    return 0


def _clean(options: argparse.Namespace) -> int:
    leftovers.sweep()
    layers.clean()
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "shell": _shell,
    "run": _run,
    "pytest": _pytest,
    "build": _build,
    "make": _make,
    "clean": _clean,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
