# SPDX-License-Identifier: Apache-2.0
"""Runs in a box: a server of SMTP with STARTTLS, and a receiver of HTTP, which note what they get.

receiver.py smtp PORT | http PORT. Each message is a line of JSON in /root/got. Over HTTP the path
says what becomes of it: /ok, /500, /400, /slow (no answer), /drip (an answer without an end).
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GOT = Path("/root/got")


def note(**what: object) -> None:
    with GOT.open("a", encoding="ascii") as file:
        file.write(json.dumps(what) + "\n")


class Hook(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    def do_POST(self) -> None:
        self.take()

    def do_PUT(self) -> None:
        self.take()

    def take(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size).decode()
        note(method=self.command, path=self.path, headers=dict(self.headers), body=body)
        if self.path == "/slow":
            time.sleep(600)
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.5)
        status = int(self.path[1:]) if self.path[1:].isdigit() else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"thanks" if status == 200 else b"not today\n")

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def serve_mail(port: int) -> None:
    from aiosmtpd.controller import Controller  # noqa: PLC0415 - there for mail alone
    from aiosmtpd.smtp import AuthResult  # noqa: PLC0415

    class Inbox:
        async def handle_RCPT(  # noqa: N802 - the library's name
            self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
        ) -> str:
            if address.startswith("nobody"):
                return "550 no such mailbox"
            if address.startswith("later") and not Path("/root/open").exists():
                return "450 mailbox busy"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            note(
                sender=envelope.mail_from,
                to=envelope.rcpt_tos,
                tls=session.ssl is not None,
                user=(session.auth_data or (b"",))[0].decode() if session.auth_data else "",
                mail=envelope.content.decode("utf-8", "surrogateescape"),
            )
            return "250 taken"

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
        is_known = (data.login, data.password) == (b"timers", b"s3cret")
        return AuthResult(success=is_known, auth_data=(data.login,))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("/root/mail.crt", "/root/mail.key")
    controller = Controller(
        Inbox(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        authenticator=known,
        auth_require_tls=True,
    )
    controller.start()
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "smtp":
        serve_mail(port)
    else:
        ThreadingHTTPServer(("127.0.0.1", port), Hook).serve_forever()
