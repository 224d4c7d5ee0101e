"""The certificates of the cluster: one authority, and a certificate of its own for every component.

Why our own: kubeadm's files come with kubeadm, and a cluster of one day needs no rotation. What a subject may do is left to
Kubernetes' Node and RBAC authorisation.
"""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from demo.cluster.network import API_SERVICE_IP, NODE_IP, NODE_NAME

_LIFE = dt.timedelta(days=365)
_SKEW = dt.timedelta(hours=1)  # a machine's clock may be set back a little after the start


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose certificate: file name, common name (the user), organisations (the groups), names to serve under, authority."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    authority: str = "ca"


SUBJECTS = (
    Subject(
        "apiserver",
        "kube-apiserver",
        serves=(
            "127.0.0.1",
            NODE_IP,
            API_SERVICE_IP,
            "localhost",
            NODE_NAME,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ),
    ),
    Subject("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
    Subject("kubelet-serving", f"system:node:{NODE_NAME}", ("system:nodes",), serves=(NODE_NAME, NODE_IP, "127.0.0.1")),
    Subject("kubelet", f"system:node:{NODE_NAME}", ("system:nodes",)),
    Subject("controller-manager", "system:kube-controller-manager"),
    Subject("scheduler", "system:kube-scheduler"),
    Subject("kube-proxy", "system:kube-proxy"),
    Subject("admin", "kubernetes-admin", ("system:masters",)),
    Subject("prometheus", "foresail:prometheus"),
    Subject("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"),
)
AUTHORITIES = ("ca", "front-proxy-ca")


def write_pki(folder: Path, subjects: Iterable[Subject] = SUBJECTS) -> None:
    """Write authorities, certificates and keys (`NAME.crt`, `NAME.key`, PEM) and the key that signs service accounts."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    authorities = {name: _make_authority(folder, name) for name in AUTHORITIES}
    for subject in subjects:
        _make_certificate(folder, subject, *authorities[subject.authority])
    signing = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "sa.key", signing)
    public = signing.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "sa.pub").write_bytes(public)


def _make_authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"foresail-{name}")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(subject, subject, key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        builder.add_extension(usage, critical=True).add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    )
    _write_key(folder / f"{name}.key", key)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _make_certificate(
    folder: Path, subject: Subject, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
    name = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, subject.user)])
    usage = ExtendedKeyUsageOID.SERVER_AUTH if subject.serves else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(name, authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
    )
    if subject.serves:
        names = x509.SubjectAlternativeName([_general_name(name) for name in subject.serves])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write_key(folder / f"{subject.file}.key", key)
    (folder / f"{subject.file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
