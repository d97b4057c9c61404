"""Which addresses this server may send requests to: public ones, and what an administrator allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from runyard.errors import InvalidParameter

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TUNNELS: tuple[Network, ...] = (
    # A relay of the network's sends on to the IPv4 address that is written inside.
    ipaddress.IPv6Network("2002::/16"),
    ipaddress.IPv6Network("2001::/32"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)
# Not every Python that we run on has them among its private ones.
_NOT_PUBLIC: tuple[Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("198.18.0.0/15"),
    ipaddress.IPv4Network("240.0.0.0/4"),
    ipaddress.IPv6Network("2001:db8::/32"),
    ipaddress.IPv6Network("3fff::/20"),
)
# Azure's machines reach what hands out their set-up and its secrets there, and nobody else is there.
_OF_CLOUDS: tuple[Network, ...] = (ipaddress.IPv4Network("168.63.129.16/32"),)


class Allowed:
    """What the setting ``outbound_allow`` lets through beside public addresses.

    Args:
        entries: Names of hosts, addresses and networks.

    Raises:
        InvalidParameter: One of them is none.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for entry in entries:
            network = _network(entry)
            if network is not None:
                self._networks.append(network)
            elif "/" in entry or ":" in entry or not entry.strip("."):
                raise InvalidParameter(
                    f"outbound_allow has {entry!r}; expected the name of a host, without a port, "
                    "an address, or a network such as '10.1.0.0/16'."
                )
            else:
                self._names.add(plain_name(entry))

    def is_named(self, host: str) -> bool:
        """Whether the administrator wrote a host down, by its name or by the address that it is given as."""
        literal = literal_address(host)
        if literal is None:
            return plain_name(host) in self._names
        return any(literal in network for network in self._networks)

    def lets_through(self, host: str, address: Address) -> bool:
        """Whether a request to ``host`` may go to ``address``, which is what the name stands for now."""
        if plain_name(host) in self._names or is_public(address):
            return True
        meant = (address, unwrapped(address))
        return any(each in network for each in meant for network in self._networks)


def plain_name(host: str) -> str:
    """Return the name of a host as it is compared."""
    return host.rstrip(".").lower()


def literal_address(host: str) -> Address | None:
    """Return the address that a host is written as, or ``None`` for a name.

    Beside the usual forms, resolvers take IPv4 as one number, in hexadecimal or octal, or in fewer parts.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(plain_name(host)))
    except OSError:
        return None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's, and of no machine or network that is somebody's own."""
    meant = unwrapped(address)
    if isinstance(meant, ipaddress.IPv6Address) and meant not in _UNICAST:
        return False
    if any(meant in network for network in (*_TUNNELS, *_NOT_PUBLIC, *_OF_CLOUDS)):
        return False
    return meant.is_global and not meant.is_multicast and not meant.is_reserved


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
