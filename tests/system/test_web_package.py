# SPDX-License-Identifier: Apache-2.0
"""The package of the web server: installed, upgraded while it is asked, removed, purged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import WEB, Bind, Box, build_deb, judge, make, web_deb

SERVICE, SOCKET = "debvisor-timers-web.service", "debvisor-timers-web.socket"
HEALTH = "curl --silent --fail --max-time 60 http://127.0.0.1:5000/api/v1/health"
BOTH = "/srv/deb/debvisor-timers_*.deb /srv/deb/debvisor-timers-web_*.deb"
HIGHER = """
cd /var/tmp
for name in debvisor-timers debvisor-timers-web; do
    dpkg-deb -R /srv/deb/${name}_*.deb unpacked
    version=$(sed -n 's/^Version: //p' unpacked/DEBIAN/control)
    sed -i "s/^Version: .*/&+upgrade1/; s/(= $version)/(= $version+upgrade1)/" \
        unpacked/DEBIAN/control
    dpkg-deb --root-owner-group -b unpacked $name.deb >/dev/null
    rm -r unpacked
done
"""
ASK = f"""
rm -f /var/tmp/refused /var/tmp/enough
while [ ! -e /var/tmp/enough ]; do {HEALTH} >/dev/null || echo "$?" >>/var/tmp/refused; done
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    binds = [Bind(source=build_deb().parent, target="/srv/deb")]
    with Box.boot(make(WEB), binds=binds) as box:
        yield box


def test_lintian_has_nothing_to_say() -> None:
    judge(web_deb(build_deb()))


def test_an_installation_listens_and_an_upgrade_refuses_nobody(box: Box) -> None:
    box.run(f"apt-get install --yes {BOTH}", timeout=300)
    assert box.run(["systemctl", "is-active", SOCKET]).stdout == "active\n"
    assert box.run(["systemctl", "is-active", SERVICE], check=False).stdout == "inactive\n"
    box.run(HEALTH)
    before = box.run(["systemctl", "show", "--property=MainPID", SERVICE]).stdout

    box.run(HIGHER)
    box.write("/root/ask", ASK)
    box.run("systemd-run --unit=asking sh /root/ask")
    box.run(
        "apt-get install --yes /var/tmp/debvisor-timers.deb /var/tmp/debvisor-timers-web.deb",
        timeout=300,
    )
    box.run("touch /var/tmp/enough")
    box.wait_until("! systemctl --quiet is-active asking", 60, "the last question is answered")

    assert box.run("cat /var/tmp/refused", check=False).stdout == ""
    assert box.run(["systemctl", "show", "--property=MainPID", SERVICE]).stdout != before
    assert "debvisor-timers-web:x:" in box.run("cat /etc/group").stdout


def test_nothing_of_a_removed_server_is_left(box: Box) -> None:
    box.run("apt-get remove --yes debvisor-timers-web", timeout=300)
    assert box.run(["systemctl", "is-active", SOCKET, SERVICE], check=False).stdout == (
        "inactive\ninactive\n"
    )
    assert box.run(HEALTH, check=False).returncode == 7
    box.run("test ! -e /run/debvisor-timers/web.sock")
    box.run("test -d /var/lib/debvisor-timers-web; debvisor-timers version")

    box.run("apt-get purge --yes debvisor-timers-web", timeout=300)
    box.run("test ! -e /var/lib/debvisor-timers-web")
    assert box.run("find /etc /usr/lib /usr/share -name '*debvisor-timers-web*'").stdout == ""
