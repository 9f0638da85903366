"""The way to a server, step by step: its address, its name, TCP and TLS. No request is sent."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from eguma_async.cli.errors import Exit
from eguma_async.cli.text import clean, counted
from eguma_async.core.checks import checked_base_url
from eguma_async.core.errors import ConfigurationError

from .certificates import Certificate, explain, trusted_certificate, untrusted_certificate
from .examination import Examination, Place, host_and_port
from .findings import Check, Finding, failed, fine, skipped, warning

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
LOCAL = "the sandbox is within this process"
MOST_ADDRESSES = 4
"""How many addresses of a name are tried."""
REFUSED = "refused"
DAYS_BEFORE_EXPIRY = 14
"""With so many days left, the certificate of a server should have been renewed."""


def checks_of(place: Place, number: int) -> tuple[Check, ...]:
    """Return the checks for one of the servers.

    Args:
        place: The server.
        number: Its place among the subject's.
    """
    prefix = f"{place.name}_" if place.name else ""
    suffix = f" of {place.title}" if place.name else ""
    steps: tuple[tuple[str, str, Callable[[Examination, Place], Awaitable[Finding]]], ...] = (
        ("address", "Address", address),
        ("dns", "DNS", dns),
        ("tcp", "TCP", tcp),
        ("tls", "TLS", tls),
    )
    names = [f"{prefix}{name}" for name, _, _ in steps]
    return tuple(
        Check(
            name=name,
            title=f"{title}{suffix}",
            look=partial(_of_place, look=look, number=number),
            needs=tuple(names[max(0, i - 1) : i]),
        )
        for i, (name, (_, title, look)) in enumerate(zip(names, steps, strict=True))
    )


async def _of_place(
    about: Examination,
    *,
    look: Callable[[Examination, Place], Awaitable[Finding]],
    number: int,
) -> Finding:
    return await look(about, about.subject.places[number])


async def address(about: Examination, place: Place) -> Finding:
    """Check where a server is said to be."""
    try:
        url = checked_base_url(place.url)
    except ConfigurationError as error:  # which does not repeat it: it may hold a key
        return failed(error.message, f"correct {place.source}", Exit.USAGE)
    if about.is_local:
        return skipped(LOCAL)
    return fine(f"{url} ({place.source})", url=url, is_default=place.is_default)


async def proxy(about: Examination) -> Finding:
    """Tell whether a proxy is on the way, and whether one is waiting in vain to be used."""
    waiting = [name for name in PROXY_VARIABLES if _variable(name)]
    if about.proxy is not None:
        host, port = host_and_port(about.proxy)
        return fine(f"{host}, port {port} (--proxy)", host=host, port=port, ignored=waiting)
    if not waiting or about.is_local:
        return fine("none", ignored=waiting)
    return warning(
        f"none is used, though the environment has {', '.join(waiting)}",
        "if there is no other way to the network, pass --proxy URL",
        ignored=waiting,
    )


def _variable(name: str) -> str | None:
    return os.environ.get(name) or os.environ.get(name.lower())


def _target(about: Examination, place: Place) -> tuple[str, int]:
    """Return the host and port to connect to: those of the proxy, if there is one."""
    return place.address if about.proxy is None else host_and_port(about.proxy)


async def dns(about: Examination, place: Place) -> Finding:
    """Look the name of a server up."""
    if about.is_local:
        return skipped(LOCAL)
    host, port = _target(about, place)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(about.timeouts.connect):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return _no_name(host, f"no answer within {about.timeouts.connect:g} s")
    except OSError as error:
        return _no_name(host, clean(error.strerror or type(error).__name__))
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    about.addresses[place.name] = addresses
    is_name = addresses != [host]
    said = f"{host} has {', '.join(addresses)}" if is_name else f"{host} is an address"
    return fine(said, host=host, addresses=addresses)


def _no_name(host: str, reason: str) -> Finding:
    return failed(
        f"no address of {host} was found: {reason}",
        "check the network, and the name for typing errors; behind a company's network, ask for"
        " its proxy, and pass --proxy URL",
        Exit.NO_CONNECTION,
        host=host,
        addresses=[],
    )


async def tcp(about: Examination, place: Place) -> Finding:
    """Connect to a server."""
    if about.is_local:
        return skipped(LOCAL)
    _, port = _target(about, place)
    reasons: dict[str, str] = {}
    for one in about.addresses[place.name][:MOST_ADDRESSES]:
        begun = about.clock.monotonic()
        reason = await _connection_fault(one, port, about.timeouts.connect)
        if reason is None:
            about.reached[place.name] = one
            took = about.clock.monotonic() - begun
            return _connected(one, port, took, reasons)
        reasons[one] = reason
    return failed(
        "; ".join(f"{one}, port {port}: {reason}" for one, reason in reasons.items()),
        _advice_on_tcp(reasons.values()),
        Exit.NO_CONNECTION,
        port=port,
        failed=reasons,
    )


def _connected(one: str, port: int, took: float, reasons: dict[str, str]) -> Finding:
    facts = {"ip": one, "port": port, "seconds": round(took, 4), "failed": reasons}
    said = f"connected to {one}, port {port}, in {took * 1000:.0f} ms"
    if not reasons:
        return fine(said, **facts)
    told = "; ".join(f"{each}: {reason}" for each, reason in reasons.items())
    return warning(
        f"{said}, but not to {told}", "each new connection may lose time with these", **facts
    )


def _advice_on_tcp(reasons: Iterable[str]) -> str:
    if REFUSED in reasons:
        return "nothing listens there: check the port of the base URL, and that the server runs"
    return "a firewall may drop it: ask for the proxy of this network, and pass --proxy URL"


async def _connection_fault(address: str, port: int, seconds: float) -> str | None:
    """Connect, and close again; return why that was not possible."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except ConnectionRefusedError:
        return REFUSED
    except OSError as error:
        return clean(error.strerror or type(error).__name__)
    writer.transport.abort()
    return None


async def tls(about: Examination, place: Place) -> Finding:
    """Make a TLS connection, and look at the certificate."""
    if about.is_local:
        return skipped(LOCAL)
    if not place.is_secure:
        return skipped("plain HTTP, to this machine alone")
    if about.proxy is not None:
        return skipped("it goes through the proxy; the answer shows whether that works")
    return await _handshake(about, place)


async def _handshake(about: Examination, place: Place) -> Finding:
    (host, port), ip = place.address, about.reached[place.name]
    seconds = about.timeouts.connect
    try:
        version, certificate = await trusted_certificate(ip, port, host, seconds)
    except ssl.SSLCertVerificationError as error:
        seen = await untrusted_certificate(ip, port, host, seconds)
        said, advice = explain(error, host, seen)
        facts = {} if seen is None else seen.facts()
        return failed(said, advice, Exit.NO_CONNECTION, reason=clean(error.verify_message), **facts)
    except TimeoutError:
        return _no_tls(f"no TLS handshake within {seconds:g} s", host)
    except ssl.SSLError as error:
        return _no_tls(f"the server speaks no TLS that fits ({clean(error.reason or '?')})", host)
    except OSError as error:
        reason = clean(error.strerror or type(error).__name__)
        return _no_tls(f"the connection broke within the TLS handshake: {reason}", host)
    return _trusted(about, version, certificate)


def _no_tls(said: str, host: str) -> Finding:
    return failed(
        said,
        f"check that the base URL is right, and that nothing between here and {host} breaks TLS",
        Exit.NO_CONNECTION,
    )


def _trusted(about: Examination, version: str, certificate: Certificate) -> Finding:
    facts = {"version": version, **certificate.facts()}
    said = f"{version}, certificate by {certificate.issuer or '?'}"
    if certificate.until is None:
        return fine(said, **facts)
    days = (certificate.until - about.clock.now()).days
    said += f", until {certificate.until:%Y-%m-%d} ({counted(days, 'day')})"
    if days >= DAYS_BEFORE_EXPIRY:
        return fine(said, **facts)
    return warning(said, "whoever runs the server has to renew it soon", **facts)
