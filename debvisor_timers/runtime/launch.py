#!/usr/bin/python3 -BISXutf8
# SPDX-License-Identifier: Apache-2.0
"""Run the module of the same name that lies beside: this file is every program of a run.

Python compiles a program at each of its starts, but a module once, when the package is installed:
that is a third of what three programs would cost besides starting Python.
Always in UTF-8 mode: in some other encodings Python cannot give back the bytes of its arguments.
"""

from _frozen_importlib_external import SourceFileLoader

if __name__ == "__main__":
    file = f"{__file__}.py"
    code = SourceFileLoader(__name__, file).get_code(__name__)
    exec(code or "", {"__name__": __name__, "__file__": file})  # noqa: S102
