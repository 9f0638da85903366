"""Tells the public internet from the rest, where somebody else chose the URL."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from eguma_async.core.errors import NotSentError
from eguma_async.core.messages import HttpRequest

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def check_public_literal(request: HttpRequest) -> None:
    """Refuse a URL whose host is an IP address that is not public; no resolver sees those.

    Raises:
        NotSentError: It is one.
    """
    try:
        host = urlsplit(request.url).hostname or ""
    except ValueError:
        host = ""
    if _is_literal(host) and not is_public(host):
        raise NotSentError("the host is no public address")


def _is_literal(host: str) -> bool:
    # Also the short and hexadecimal forms that inet_aton takes, as a system resolver might.
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return ":" in host
    return True
