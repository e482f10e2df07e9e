# SPDX-License-Identifier: Apache-2.0
"""From where a request comes: the address of the connection, or what a trusted proxy says."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """The reverse proxies whose headers are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        """networks: addresses and networks."""
        self._networks = [ipaddress.ip_network(each) for each in networks]

    def trusts(self, address: str) -> bool:
        """Return True for the address of a proxy that is believed."""
        found = _parsed(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, address: str, forwarded: str) -> str:
        """Return who is behind `address`, by the value of X-Forwarded-For.

        Each proxy adds whom it has seen at the right: the first that is no proxy of ours counts,
        and what stands to the left of it anybody can have written.
        """
        client = address
        for word in reversed(forwarded.split(",")):
            if not self.trusts(client):
                break
            found = _parsed(word.strip())
            if found is None:
                break
            client = str(found)
        return client


def _parsed(text: str) -> _Address | None:
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
