# SPDX-License-Identifier: Apache-2.0
"""`python3 -m debvisor_timers.web`: the server, as debvisor-timers-web.service starts it."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import Mapping
from socket import socket

from starlette.types import Receive, Scope, Send

from debvisor_timers import __version__
from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.layout import Layout
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.app import create_app
from debvisor_timers.web.edge.crowd import Crowd
from debvisor_timers.web.edge.edge import bounds_of
from debvisor_timers.web.edge.log import AccessLog
from debvisor_timers.web.edge.log import Send as SendRecord
from debvisor_timers.web.envelope import failure
from debvisor_timers.web.identity.authenticator import Identity
from debvisor_timers.web.identity.proxies import Proxies
from debvisor_timers.web.serving import Server, names_of, own_certificate, passed_sockets
from debvisor_timers.web.settings import read_settings
from debvisor_timers.web.workers import Workers

_log = logging.getLogger("debvisor_timers.web")


def main() -> int:
    """Serve until SIGTERM; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    os.umask(0o077)
    layout = Layout()
    try:
        tls, sockets = own_certificate(), passed_sockets()
    except DebvisorTimersError as error:
        _log.error("error: %s", error)
        return error.exit_code
    try:
        settings = read_settings(layout)
    except DebvisorTimersError as error:
        _log.error("%s", error)
        asyncio.run(Server(out_of_order, tls).serve(sockets))
    else:
        asyncio.run(_serve(layout, settings, tls, sockets))
    return 0


async def out_of_order(scope: Scope, receive: Receive, send: Send) -> None:
    """Let nobody in, and say where to look: whom the settings mean nobody can know."""
    answer = failure(
        503,
        "web in config.yaml makes no sense: the journal of this server tells why",
        fix="on the host: journalctl -u debvisor-timers-web; mend config.yaml, and apply it",
    )
    await answer(scope, receive, send)


async def _serve(
    layout: Layout, settings: WebSettings, tls: ssl.SSLContext | None, sockets: list[socket]
) -> None:
    backend = Workers(layout)
    identity = Identity.of(layout, settings)
    log = AccessLog(_sender(layout))
    await backend.open()
    try:
        app = create_app(backend, identity, bounds_of(settings, log))
        _log.info("debvisor-timers %s serves at %s", __version__, names_of(sockets))
        crowd = Crowd(settings.connections_per_client, Proxies(settings.trusted_proxies))
        await Server(app, tls, crowd).serve(sockets)
    finally:
        await identity.uses.write()
        await backend.close()
        log.close()


def _sender(layout: Layout) -> SendRecord:
    scheduler = JobScheduler.system(layout)

    def send(fields: Mapping[str, str]) -> None:
        scheduler.host.journal.send(fields)  # the host of the log's own thread

    return send


if __name__ == "__main__":
    sys.exit(main())
