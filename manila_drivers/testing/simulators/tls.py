# SPDX-License-Identifier: Apache-2.0

"""A certificate authority for servers on loopback, made at start.

The strict X.509 checks that Python 3.13 switches on by default (key usage,
authority and subject key identifiers) are satisfied.
"""

from collections.abc import Iterable
import datetime
import ipaddress
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs,
        content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Authority:
    """Signs server certificates; its own certificate is what clients trust."""

    def __init__(self, name: str = 'simulator CA', days: int = 30) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._days = days
        public = self._key.public_key()
        self._certificate = (
            self._builder(_name(name), _name(name), public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0),
                           critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256()))

    def _builder(self, subject: x509.Name, issuer: x509.Name,
                 public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject).issuer_name(issuer).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY * self._days)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public),
                           critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self._key.public_key()), critical=False))

    @property
    def pem(self) -> bytes:
        """The authority's certificate, for the clients."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, hosts: Iterable[str]) -> tuple[bytes, bytes]:
        """A certificate for names or addresses, and its key, both PEM."""
        names = list(hosts)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._builder(_name(names[0]), self._certificate.subject,
                          key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None),
                           critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH,
                                       ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False)
            .add_extension(
                x509.SubjectAlternativeName(map(_alternative, names)),
                critical=False)
            .sign(self._key, hashes.SHA256()))
        return (certificate.public_bytes(serialization.Encoding.PEM),
                key.private_bytes(serialization.Encoding.PEM,
                                  serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))


def server_context(authority: Authority, hosts: Iterable[str],
                   directory: pathlib.Path) -> ssl.SSLContext:
    """A context for a server that answers to ``hosts``.

    :param directory: where certificate and key are written, since the ssl
        module reads them from files only; the caller removes it.
    """
    certificate, key = authority.issue(hosts)
    paths = directory / 'server.pem', directory / 'server.key'
    for path, content in zip(paths, (certificate, key), strict=True):
        path.touch(mode=0o600)
        path.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*paths)
    return context
