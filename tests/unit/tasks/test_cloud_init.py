# SPDX-License-Identifier: Apache-2.0
"""cloud_init: what is in a seed, and what cloud-init would pass over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.tasks.base import WRONG, TaskFailed
from debvisor_timers.tasks.cloud_init import digest_of, mark_of, seed

ARCHIVE = """\
#cloud-config-archive
- |
  #cloud-config
  a: 1
- {type: text/x-shellscript, filename: a.sh, content: "#!/bin/sh"}
"""
MAIL = """\
Content-Type: multipart/mixed; boundary="=b"
MIME-Version: 1.0

--=b
Content-Type: text/cloud-config

a: 1
--=b
Content-Type: text/x-shellscript

#!/bin/sh
--=b--
"""
USER = "#cloud-config\nhostname: {{ hostname }}\n"


def test_a_seed_has_what_the_templates_make_of_a_machine() -> None:
    templates = {"user_data": USER, "network_config": "version: 2\nname: {{ nic }}\n"}

    assert seed(templates, {"name": "web-1", "nic": "eth0"}) == {
        "meta-data": 'instance-id: "web-1"\nlocal-hostname: "web-1"\n',
        "user-data": "#cloud-config\nhostname: web-1\n",
        "network-config": "version: 2\nname: eth0\n",
    }
    named = seed({}, {"name": "web-1", "hostname": "www", "instance_id": "2"})
    assert named["meta-data"] == 'instance-id: "2"\nlocal-hostname: "www"\n'


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ({"user_data": "hostname: a\n"}, "has no header"),
        ({"user_data": "#cloud-config\na: [\n"}, "user-data of web-1 is no YAML"),
        ({"user_data": "#cloud-config\n- a\n"}, "is no mapping"),
        ({"user_data": "#cloud-config\na: {{ nothing }}\n"}, "'nothing' is undefined"),
        ({"user_data": "#cloud-config-archive\na: 1\n"}, "user-data of web-1 is no list"),
        ({"user_data": ARCHIVE.replace("a: 1", "[1]")}, "has a part 1 that is no mapping"),
        ({"user_data": ARCHIVE.replace("content", "contents")}, "has a part 2 without content"),
        ({"user_data": ARCHIVE + "- 'b: ['\n"}, "has a part 3 that is no YAML, at line 1"),
        ({"user_data": MAIL.replace("MIME-Version: 1.0\n", "")}, "has no header MIME-Version"),
        ({"user_data": MAIL.replace("--=b", "")}, "is no mail of several parts"),
        ({"user_data": MAIL.replace("a: 1", "- a")}, "has a part 1 that is no mapping"),
        ({"user_data": MAIL.replace("#!/bin/sh", "echo")}, "has a part 2 that has no header"),
        ({"network_config": "a: {{ b"}, "network_config of web-1: "),
        ({"user_data": "#!/bin/sh\n{{ ''.__class__.__mro__ }}"}, "unsafe"),
    ],
)
def test_what_cannot_be_is_told(templates: dict[str, str], message: str) -> None:
    with pytest.raises(TaskFailed, match=message) as raised:
        seed(templates, {"name": "web-1"})
    assert raised.value.exit_status == WRONG


@pytest.mark.parametrize("text", [ARCHIVE, MAIL, "#cloud-config-jsonp\n[]\n"])
def test_several_parts_are_taken(text: str) -> None:
    assert seed({"user_data": text}, {"name": "web-1"})["user-data"] == text


def test_an_image_is_told_by_its_mark(tmp_path: Path) -> None:
    files = seed({"user_data": USER}, {"name": "a"})
    image = tmp_path / "a-seed.iso"
    image.write_bytes(
        b"\0" * (16 * 2048 + 574) + digest_of(files).ljust(128).encode() + b"\0" * 2048
    )

    assert mark_of(image) == digest_of(files)
    assert digest_of(files) != digest_of(seed({"user_data": USER}, {"name": "b"}))
    assert mark_of(tmp_path / "none") == ""
