"""Certificates of servers: what is said of those that are refused, and by whom they are."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from eguma_async.cli.text import clean

# Codes of OpenSSL, x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_UNKNOWN_ISSUER = {2, 19, 20, 21}
_WRONG_NAME = {62, 64}

_COMPANY = (
    "if a company or a virus scanner looks into TLS here, set SSL_CERT_FILE to a file with its CA"
    " and the public ones; if not, somebody else may be on the line: do not go on"
)
_COMMON_NAME = bytes((0x55, 0x04, 0x03))
_ORGANIZATION = bytes((0x55, 0x04, 0x0A))
_SEQUENCE, _SET, _OBJECT_ID, _VERSION = 0x30, 0x31, 0x06, 0xA0
_UTC_TIME, _GENERALIZED_TIME, _UTF16 = 0x17, 0x18, 0x1E


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What a certificate says of itself.

    Attributes:
        subject: Whom it is for.
        issuer: Who has signed it.
        until: When it ends.
    """

    subject: str
    issuer: str
    until: datetime | None

    @classmethod
    def verified(cls, given: Mapping[str, Any]) -> Self:
        """Return one that was verified, from what `ssl` tells of it."""
        end = given.get("notAfter")
        return cls(
            subject=_name_of(given.get("subject", ())),
            issuer=_name_of(given.get("issuer", ())),
            until=datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if end else None,
        )

    @classmethod
    def parsed(cls, der: bytes) -> Self:
        """Return one that was refused, of which `ssl` tells nothing (RFC 5280, section 4.1).

        Raises:
            ValueError: It is no certificate.
        """
        try:
            (_, whole), *_ = _elements(der)
            (_, signed), *_ = _elements(whole)
            parts = [part for part in _elements(signed) if part[0] != _VERSION]
            _, _, issuer, validity, subject, *_ = (value for _, value in parts)
            *_, (kind, end) = _elements(validity)
            return cls(
                subject=_der_name(subject), issuer=_der_name(issuer), until=_der_time(kind, end)
            )
        except IndexError:
            raise ValueError("cut") from None

    def facts(self) -> dict[str, Any]:
        """Return the same for programs."""
        until = None if self.until is None else self.until.isoformat()
        return {"subject": self.subject, "issuer": self.issuer, "until": until}


def explain(
    error: ssl.SSLCertVerificationError, host: str, seen: Certificate | None
) -> tuple[str, str]:
    """Return why a certificate was refused, and what to do about it.

    Args:
        error: What the verification found.
        host: Whom it should be for.
        seen: What it says of itself, if that could be read.
    """
    by = f" (by {seen.issuer})" if seen and seen.issuer else ""
    until = f" on {seen.until:%Y-%m-%d}" if seen and seen.until else ""
    code = error.verify_code
    if code == _EXPIRED:
        return (
            f"the certificate of {host} has expired{until}",
            "if the clock of this machine is right, whoever runs the server has to renew it",
        )
    if code == _NOT_YET_VALID:
        return f"the certificate of {host} is not valid yet", "check the clock of this machine"
    if code in _WRONG_NAME:
        other = f"for {seen.subject}" if seen and seen.subject else "for another host"
        return (
            f"the certificate is not for {host}, but {other}{by}",
            "check the base URL; if it is right, somebody else may be on the line",
        )
    if code == _SELF_SIGNED:
        return f"the certificate of {host} is signed by nobody but itself{by}", _COMPANY
    if code in _UNKNOWN_ISSUER:
        return f"the certificate of {host} is signed by a CA not trusted here{by}", _COMPANY
    return f"the certificate of {host} is not trusted: {clean(error.verify_message)}{by}", _COMPANY


async def trusted_certificate(
    ip: str, port: int, host: str, seconds: float
) -> tuple[str, Certificate]:
    """Return the version of TLS that a server speaks, and its certificate. Nothing is sent.

    Args:
        ip: Its address.
        port: Its port.
        host: The name that the certificate has to be for.
        seconds: How long to wait.

    Raises:
        OSError: There is no such connection; `ssl.SSLCertVerificationError`: it is not trusted.
    """
    secure = await _connected(ip, port, host, seconds, ssl.create_default_context())
    return secure.version() or "?", Certificate.verified(secure.getpeercert() or {})


async def untrusted_certificate(
    ip: str, port: int, host: str, seconds: float
) -> Certificate | None:
    """Return the certificate of a server that is not trusted, to say whose it is.

    Nothing is sent to it, and nothing else is done with the connection.

    Args:
        ip: Its address.
        port: Its port.
        host: The name to ask for.
        seconds: How long to wait.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        secure = await _connected(ip, port, host, seconds, context)
        der = secure.getpeercert(binary_form=True)
        return None if der is None else Certificate.parsed(der)
    except (OSError, ValueError):  # a timeout is an OSError
        return None


async def _connected(
    ip: str, port: int, host: str, seconds: float, context: ssl.SSLContext
) -> ssl.SSLObject:
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(ip, port, ssl=context, server_hostname=host)
    secure: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()  # what was agreed on stays known
    return secure


def _name_of(parts: Any) -> str:
    """Return the name in what `ssl` tells of a certificate."""
    found = {key: value for part in parts for key, value in part}
    return _joined(found.get("commonName"), found.get("organizationName"))


def _joined(common: str | None, organization: str | None) -> str:
    names = [clean(name) for name in (common, organization) if name]
    return f"{names[0]} of {names[1]}" if len(names) == 2 else "".join(names)


def _der_name(name: bytes) -> str:
    found: dict[bytes, str] = {}
    for _, part in _elements(name):
        for _, pair in _elements(part):
            (_, key), (kind, value), *_ = _elements(pair)
            found[key] = value.decode("utf-16-be" if kind == _UTF16 else "utf-8", "replace")
    return _joined(found.get(_COMMON_NAME), found.get(_ORGANIZATION))


def _der_time(kind: int, value: bytes) -> datetime | None:
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(kind)
    text = value.decode("ascii", "replace")
    return None if form is None else datetime.strptime(text, form).replace(tzinfo=UTC)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Read the elements that stand one after the other: each a tag, a length and a value (DER)."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("cut")
        yield tag, data[at : at + length]
        at += length
