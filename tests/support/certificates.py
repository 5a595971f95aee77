"""Certificates for servers on this machine, of an authority that nobody else trusts."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SERVED = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])


class ServerCertificate(NamedTuple):
    """The files of a server's certificate and its key."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """A server's context with it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


class CertificateAuthority:
    """An authority of its own. `trusted` is the file that its clients name."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        self._folder, self._name, self._key = folder, _name(name), ec.generate_private_key(ec.SECP256R1())
        self.trusted = folder / f"{name}-ca.pem"
        builder = _builder(self._name, self._name, self._key, lasts=timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.trusted.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def issue(self, name: str = "server", *, lasts: timedelta = timedelta(days=1)) -> ServerCertificate:
        """A certificate for 127.0.0.1 and localhost. It has expired if it `lasts` less than nothing."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key, lasts=lasts).add_extension(SERVED, critical=False)
        files = ServerCertificate(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        files.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, plain))
        files.key.chmod(0o600)
        return files


def certify(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1 and localhost, and the file that a client has to trust."""
    authority = CertificateAuthority(folder)
    return authority.issue().context(), authority.trusted


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + lasts)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
