# SPDX-License-Identifier: Apache-2.0
"""Text with its words told apart; whatever it holds, it stays text."""

from __future__ import annotations

import pytest

from debvisor_timers.web.pages.colours import diff_lines, unit_line, with_code, yaml_line


@pytest.mark.parametrize(
    ("line", "html"),
    [
        ("[Service]", '<span class="h">[Service]</span>'),
        ("# made", '<span class="c"># made</span>'),
        ("Type=oneshot", '<span class="k">Type</span>=oneshot'),
        ("ExecStart=sh -c 'a <b>'", '<span class="k">ExecStart</span>=sh -c &#39;a &lt;b&gt;&#39;'),
        ("  more", "  more"),
    ],
)
def test_a_line_of_a_unit(line: str, html: str) -> None:
    assert str(unit_line(line)) == html


@pytest.mark.parametrize(
    ("line", "html"),
    [
        ("  nightly:", '  <span class="k">nightly</span>:'),
        ('    a: "x # y"', '    <span class="k">a</span>: &#34;x # y&#34;'),
        ("    a: x # why", '    <span class="k">a</span>: x <span class="c"># why</span>'),
        ("    - <script>", "    - &lt;script&gt;"),
    ],
)
def test_a_line_of_yaml(line: str, html: str) -> None:
    assert str(yaml_line(line)) == html


def test_lines_of_a_difference_have_their_kinds() -> None:
    text = "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same"

    assert [kind for kind, _ in diff_lines(text)] == ["at", "at", "at", "del", "add", "same"]


@pytest.mark.parametrize(
    ("words", "html"),
    [
        ("`a <b>` & `c`", "<code>a &lt;b&gt;</code> &amp; <code>c</code>"),
        ("one ` alone, <i>", "one ` alone, &lt;i&gt;"),
        ("none", "none"),
    ],
)
def test_what_stands_between_backticks_is_code(words: str, html: str) -> None:
    assert str(with_code(words)) == html
