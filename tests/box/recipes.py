# SPDX-License-Identifier: Apache-2.0
"""What is in the layers: packages and files, and nothing about how they are made."""

from __future__ import annotations

from tests.box.layers import Layer

_RUNTIME = (  # the Depends of debian/control, so that installing the package needs no network
    "python3",
    "python3-click",
    "python3-icalendar",
    "python3-jinja2",
    "python3-jsonschema",
    "python3-prometheus-client",
    "python3-pydantic",
    "python3-pystemd",
    "python3-recurring-ical-events",
    "python3-referencing",
    "python3-systemd",
    "python3-varlink",
    "python3-yaml",
    "tzdata",
)

# Timers of the distribution would fire and write into the journal while a test looks at it.
_QUIET = """
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    systemd-tmpfiles-clean.timer console-getty.service
# Only what our package depends on may keep these: `apt-get autoremove` shows a forgotten Depends.
apt-mark auto {runtime} >/dev/null
mkdir -p /var/log/journal
""".format(runtime=" ".join(_RUNTIME))

BASE = Layer(
    name="base",
    packages=("systemd", "systemd-sysv", "dbus", "util-linux", "libc-bin", *_RUNTIME),
    script=_QUIET,
)

TEST = Layer(
    name="test",
    parent=BASE,
    packages=(
        "autopkgtest",
        "graphviz",
        "libvirt-clients",
        "promtool",
        "python3-cronsim",
        "python3-hypothesis",
        "python3-pytest",
        "tzdata-legacy",
    ),
    # Pulled in by autopkgtest; a timer of the distribution like those above.
    script="systemctl mask --quiet man-db.timer",
)

CRON = Layer(
    name="cron",
    parent=TEST,
    packages=("cron", "faketime"),
    # Tests start it themselves, some of them with a clock that is about to strike.
    script="systemctl disable --quiet cron.service",
)
"""Where our jobs run beside Debian's own cron."""

BUILD = Layer(
    name="build",
    parent=BASE,
    packages=(
        "bash-completion",
        "build-essential",
        "debhelper",
        "dh-python",
        "lintian",
        "pybuild-plugin-pyproject",
        "python3-all",
        "python3-hatchling",
        "scdoc",
    ),
)

ANSIBLE = Layer(name="ansible", parent=TEST, packages=("ansible-core", "python3-apt"))
"""Apart: ansible takes as much room as all the rest, and one test needs it."""

LIBVIRT = Layer(
    name="libvirt",
    parent=TEST,
    packages=(
        "libvirt-daemon-system",
        "python3-libvirt",
        "qemu-block-extra",
        "qemu-system-x86",
        "qemu-utils",
    ),
    # In a box there are no controllers to hand on, and no devices to make a namespace of. A machine
    # is of the type qemu: emulated, as there is no /dev/kvm.
    script=r"""
printf '%s\n' 'cgroup_controllers = [ ]' 'namespaces = [ ]' 'security_driver = "none"' \
    'user = "root"' 'group = "root"' >>/etc/libvirt/qemu.conf
""",
)
"""A hypervisor: libvirt's daemon and QEMU."""

RECEIVERS = Layer(
    name="receivers",
    parent=TEST,
    packages=("ca-certificates", "openssl", "python3-aiosmtpd"),
    # Of an authority that this host trusts, for the name that it has in its own hosts file.
    script=r"""
cd /root
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=authority of the box" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
    -keyout authority.key -out /usr/local/share/ca-certificates/box.crt 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=mail.box" -keyout mail.key -out mail.csr 2>/dev/null
printf 'subjectAltName=DNS:mail.box\nauthorityKeyIdentifier=keyid\n' >mail.ext
openssl x509 -req -in mail.csr -days 3650 -CAcreateserial -extfile mail.ext \
    -CA /usr/local/share/ca-certificates/box.crt -CAkey authority.key -out mail.crt 2>/dev/null
update-ca-certificates >/dev/null 2>&1
""",
)
"""What messages are sent to: a server of SMTP, with a certificate."""

CEPH = Layer(name="ceph", parent=TEST, packages=("ceph-common", "ceph-mon"))
"""A monitor of Ceph: it needs no disks, and nothing of the kernel."""

NET = Layer(
    name="net",
    parent=TEST,
    packages=("bind9", "bind9-dnsutils", "logrotate", "xorriso"),
    # A test starts its own, with a zone of its own.
    script="systemctl disable --quiet named.service; systemctl mask --quiet logrotate.timer",
)
"""What tasks of a network need: a name server, logrotate, images of CD-ROMs."""

SCAN = Layer(name="scan", parent=TEST, packages=("lynis", "openscap-scanner"))
"""What scans a host for compliance."""

WEB = Layer(
    name="web",
    parent=TEST,
    packages=(
        "curl",
        "openssl",
        "python3-cryptography",
        "python3-fastapi",
        "python3-jwt",
        "python3-sse-starlette",
        "python3-uvicorn",
    ),
)
"""What the package debvisor-timers-web depends on, and a client."""

PROXIES = Layer(
    name="proxies",
    parent=WEB,
    packages=("caddy", "nginx"),
    # Tests start them, with the configuration of the examples.
    script="systemctl disable --quiet caddy.service nginx.service",
)
"""Reverse proxies before the web server."""
