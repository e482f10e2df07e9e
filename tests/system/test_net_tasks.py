# SPDX-License-Identifier: Apache-2.0
"""Tasks with the tools that they are for: BIND, logrotate, images of CD-ROMs, our own report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, installed_layer
from tests.box.recipes import NET
from tests.system import work
from tests.system.host import Host
from tests.system.work import run

NAMED = """\
include "/etc/bind/update.key";
options { directory "/var/cache/bind"; listen-on port 5353 { 127.0.0.1; }; recursion no; };
zone "example.com" {
    type primary;
    file "/var/lib/bind/example.com";
    allow-update { key update; };
};
zone "closed.example" { type primary; file "/var/lib/bind/closed"; };
"""
ZONE = """\
$TTL 300
@ SOA ns root 7 3600 900 604800 300
@ NS ns
ns A 127.0.0.1
old A 192.0.2.9
"""
AT = "server: 127.0.0.1, port: 5353"
NEW = (
    "[{name: www, type: A, ttl: 60, data: [192.0.2.1, 192.0.2.2]}, {name: old, type: A, data: []},"
    " {name: t, type: TXT, data: '\"a b;$(c)\"'}]"
)
HOLDS = "prerequisites: [{require: yxrrset, name: ns, type: A, data: 127.0.0.1}]"
HOLDS_NOT = "prerequisites: [{require: nxdomain, name: ns}]"
MORE = (
    "[{name: ns, type: A, ttl: 300, data: 192.0.2.53, replace: false},"
    " {name: alias, type: CNAME, data: www}]"
)
OTHER = "[{name: other, type: A, data: 192.0.2.7}]"
BAD = "[{name: other, type: A, data: 192.0.2.777}, {name: fine, type: A, data: 192.0.2.7}]"
USER = "#cloud-config\\nhostname: {{ name }}.{{ domain }}\\nkey: {{ credential('password') }}\\n"
ONCE = "retries: {max: 0}"
JOBS = f"""\
jobs:
  dns:
    task: {{type: dns_update, config: {{zone: example.com, {AT}, records: {NEW}}}}}
    credentials: {{tsig: /root/update.key}}
    {ONCE}
  dns-closed:
    task:
      type: dns_update
      config: {{zone: closed.example, {AT}, records: [{{name: a, type: A, data: 192.0.2.1}}]}}
    credentials: {{tsig: /root/update.key}}
  dns-gone:
    task:
      type: dns_update
      config: {{zone: a.b, port: 9, records: [{{name: a, type: A, data: 192.0.2.1}}]}}
    credentials: {{tsig: /root/update.key}}
    {ONCE}
  dns-more:
    task: {{type: dns_update, config: {{zone: example.com, {AT}, {HOLDS}, records: {MORE}}}}}
    credentials: {{tsig: /root/update.key}}
    {ONCE}
  dns-not-so:
    task: {{type: dns_update, config: {{zone: example.com, {AT}, {HOLDS_NOT}, records: {OTHER}}}}}
    credentials: {{tsig: /root/update.key}}
    {ONCE}
  dns-bad:
    task: {{type: dns_update, config: {{zone: example.com, {AT}, records: {BAD}}}}}
    credentials: {{tsig: /root/update.key}}
  seeds:
    task:
      type: cloud_init
      config:
        output: /srv
        values: {{domain: example.org}}
        machines: [{{name: web-1}}, {{name: web-2}}]
        user_data: "{USER}"
        network_config: "version: 2\\n"
    credentials: {{password: /root/password}}
    {ONCE}
  logs:
    task:
      type: log_rotation
      config: {{inline: "/srv/*.log {{ size 1k\\n rotate 2\\n missingok\\n }}\\n"}}
    {ONCE}
  logs-wrong:
    task: {{type: log_rotation, config: {{inline: "/srv/*.log {{ keepall 2\\n }}\\n"}}}}
    {ONCE}
  report:
    task:
      type: generate_report
      config: {{include_metrics: true, output: /srv/report-%Y.html, mode: "0644"}}
    {ONCE}
  report-mail:
    task:
      type: generate_report
      config: {{report_type: daily, format: text, channel: ops}}
    {ONCE}
"""
SENDMAIL = '#!/bin/sh\ncat >/root/mail\necho "$@" >/root/mail-arguments\n'


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(installed_layer(NET), hostname="box") as box:
        host = Host(box)
        box.run("tsig-keygen update >/etc/bind/update.key; cp /etc/bind/update.key /root/;"
                " chown bind /etc/bind/update.key")  # fmt: skip
        box.write("/etc/bind/named.conf", NAMED)
        box.write("/var/lib/bind/example.com", ZONE)
        box.write("/var/lib/bind/closed", ZONE)
        box.write("/root/password", "s3cret\n", 0o600)
        box.write("/usr/sbin/sendmail", SENDMAIL, 0o755)
        box.run("chown bind /var/lib/bind/*; systemctl start named")
        channels = "channels:\n  ops: {mail: {to: [ops@example.org]}}\n"
        box.write("/etc/debvisor/timers/config.yaml", channels, 0o640)
        host.apply(JOBS)
        yield host


def answer(host: Host, name: str, kind: str) -> list[str]:
    dig = f"dig @127.0.0.1 -p 5353 +short {name} {kind}"
    return sorted(host.box.run(dig).stdout.split("\n")[:-1])


def test_a_zone_has_the_records_that_are_named_and_is_asked_first(host: Host) -> None:
    first = run(host, "dns")

    assert first["outcome"] == "succeeded", host.box.journal("--unit", work.unit("dns"))
    assert first["task_result"]["changed"] == [
        "www.example.com. A",
        "old.example.com. A",
        "t.example.com. TXT",
    ]
    assert answer(host, "www.example.com", "A") == ["192.0.2.1", "192.0.2.2"]
    assert answer(host, "old.example.com", "A") == []
    assert answer(host, "t.example.com", "TXT") == ['"a b;$(c)"']
    serial = answer(host, "example.com", "SOA")

    assert run(host, "dns")["task_result"]["changed"] == []
    assert answer(host, "example.com", "SOA") == serial


def test_records_are_added_where_what_has_to_be_so_is_so(host: Host) -> None:
    done = run(host, "dns-more")

    assert done["outcome"] == "succeeded", host.box.journal("--unit", work.unit("dns-more"))
    assert answer(host, "ns.example.com", "A") == ["127.0.0.1", "192.0.2.53"]
    assert answer(host, "alias.example.com", "CNAME") == ["www.example.com."]
    # The prerequisite does not hold any more, but nothing is to be done.
    assert run(host, "dns-more")["task_result"]["changed"] == []

    assert run(host, "dns-not-so")["exit_status"] == 75
    assert answer(host, "other.example.com", "A") == []


def test_data_that_cannot_be_read_is_not_tried_again(host: Host) -> None:
    bad = run(host, "dns-bad")

    assert (bad["exit_status"], bad["attempts"]) == (65, 1)
    assert answer(host, "fine.example.com", "A") == []


def test_a_server_that_refuses_is_not_asked_again(host: Host) -> None:
    refused = run(host, "dns-closed")

    assert (refused["exit_status"], refused["attempts"]) == (65, 1)
    assert "refuses to change closed.example." in host.box.journal(
        "--unit", work.unit("dns-closed")
    )


def test_a_server_that_does_not_answer_is_told(host: Host) -> None:
    assert run(host, "dns-gone")["exit_status"] == 69


def test_the_key_is_told_nowhere(host: Host) -> None:
    secret = host.box.run("grep -o 'secret \"[^\"]*' /root/update.key").stdout.split('"')[1]
    assert secret.strip() not in host.box.journal()


def test_a_seed_is_read_back_as_it_was_meant(host: Host) -> None:
    first = run(host, "seeds")
    assert first["task_result"] == {
        "machines": {"web-1": {"outcome": "created"}, "web-2": {"outcome": "created"}}
    }
    host.box.run("xorriso -osirrox on -indev /srv/web-2-seed.iso -extract / /srv/seed 2>&1")
    read = host.box.run("cd /srv/seed && head -n 9 *").stdout
    assert read == (
        '==> meta-data <==\ninstance-id: "web-2"\nlocal-hostname: "web-2"\n\n'
        "==> network-config <==\nversion: 2\n\n"
        "==> user-data <==\n#cloud-config\nhostname: web-2.example.org\nkey: s3cret\n"
    )
    assert host.box.run("blkid -s LABEL -o value /srv/web-1-seed.iso").stdout.strip() == "cidata"
    assert host.box.run("stat -c %a /srv/web-1-seed.iso").stdout.strip() == "600"

    again = run(host, "seeds")
    assert again["task_result"]["machines"]["web-1"] == {"outcome": "unchanged"}
    assert "s3cret" not in host.box.journal()


def test_logs_are_rotated_by_the_state_of_the_job(host: Host) -> None:
    host.box.run("seq 9999 >/srv/large.log; echo a >/srv/small.log")

    done = run(host, "logs")

    assert done["task_result"]["rotated"] == ["/srv/large.log"]
    assert set(done["task_result"]["considered"]) == {"/srv/large.log", "/srv/small.log"}
    assert host.box.run("ls /srv/*.log*").stdout.split() == ["/srv/large.log.1", "/srv/small.log"]
    assert "/srv/large.log" in host.box.run("cat /var/lib/debvisor-timers/logrotate/logs").stdout


def test_what_logrotate_complains_of_is_a_failure(host: Host) -> None:
    assert run(host, "logs-wrong")["exit_status"] == 1
    assert "unknown option 'keepall'" in host.box.journal("--unit", work.unit("logs-wrong"))


def test_a_report_is_written_and_mailed(host: Host) -> None:
    done = run(host, "report")
    assert done["outcome"] == "succeeded", host.box.journal("--unit", work.unit("report"))
    file = done["task_result"]["file"]
    assert host.box.run(["head", "-c", "15", file]).stdout == "<!DOCTYPE html>"
    assert host.box.run(["stat", "-c", "%a", file]).stdout == "644\n"
    assert done["task_result"]["metrics"]

    assert run(host, "report-mail")["task_result"]["mailed_to"] == ["ops@example.org"]
    mail = host.box.run("cat /root/mail").stdout
    assert "Subject: [box] daily report on jobs" in mail
    assert host.box.run("cat /root/mail-arguments").stdout.split()[-1] == "ops@example.org"
