"""Throw-away certificates, made with the openssl command."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Self

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def has_openssl() -> bool:
    """Tell whether certificates can be made here."""
    return shutil.which("openssl") is not None


class Authority:
    """A certificate authority that lasts as long as its ``with`` block."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name)
        self._count = 0
        # What Python demands from 3.13 on (VERIFY_X509_STRICT).
        signs = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.certificate, self._key = self._made("-subj", "/CN=Test CA", *signs)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.certificate)

    def self_signed(self, name: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate nobody has signed."""
        return _serving(*self._made("-subj", "/CN=test", "-addext", f"subjectAltName={name}"))

    def server_context(self, name: str, *, expired: bool = False) -> ssl.SSLContext:
        """Return the context of a server with a certificate for a name, such as an address."""
        self._count += 1
        stem = self._path / f"signed{self._count}"
        request, key = stem.with_suffix(".csr"), stem.with_suffix(".key")
        extensions = stem.with_suffix(".ext")
        extensions.write_text(
            f"subjectAltName={name}\nbasicConstraints=critical,CA:FALSE\n"
            "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        _openssl("req", *CURVE, "-subj", "/CN=test", "-keyout", key, "-out", request)
        signed = stem.with_suffix(".pem")
        by = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        days = "-1" if expired else "2"
        how = ("-days", days, "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *by, *how, "-out", signed)
        return _serving(signed, key)

    def _made(self, *options: str) -> tuple[Path, Path]:
        self._count += 1
        stem = self._path / f"own{self._count}"
        certificate, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        places = ("-keyout", key, "-out", certificate)
        _openssl("req", "-x509", *CURVE, "-days", "2", *options, *places)
        return certificate, key


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def _serving(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
