"""The cluster's certificates say who is who."""

import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from demo.cluster.pki import AUTHORITIES, SUBJECTS, Subject, write_pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki") / "pki"
    write_pki(folder)
    return folder


def certificate(pki: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def test_the_api_server_serves_under_every_name_it_is_asked_by(pki: Path) -> None:
    names = certificate(pki, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "10.99.0.1", "10.96.0.1"}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_the_kubelet_serves_under_its_node_s_address(pki: Path) -> None:
    names = certificate(pki, "kubelet-serving").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("10.99.0.1") in names.get_values_for_type(x509.IPAddress)


@pytest.mark.parametrize(
    ("file", "user", "groups"),
    [
        ("admin", "kubernetes-admin", ["system:masters"]),
        ("kubelet", "system:node:node1", ["system:nodes"]),
        ("controller-manager", "system:kube-controller-manager", []),
        ("scheduler", "system:kube-scheduler", []),
        ("kube-proxy", "system:kube-proxy", []),
        ("prometheus", "foresail:prometheus", []),
    ],
)
def test_a_client_is_the_user_and_in_the_groups_that_rbac_knows(pki: Path, file: str, user: str, groups: list[str]) -> None:
    subject = certificate(pki, file).subject
    assert [one.value for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    assert [one.value for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == groups


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.file)
def test_every_certificate_is_signed_by_its_authority_and_fits_its_key_and_its_use(pki: Path, subject: Subject) -> None:
    found = certificate(pki, subject.file)
    found.verify_directly_issued_by(certificate(pki, subject.authority))
    key = load_pem_private_key((pki / f"{subject.file}.key").read_bytes(), None)
    assert key.public_key() == found.public_key()
    usages = list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == [ExtendedKeyUsageOID.SERVER_AUTH if subject.serves else ExtendedKeyUsageOID.CLIENT_AUTH]
    assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_an_aggregated_api_cannot_be_spoken_to_with_a_user_s_certificate(pki: Path) -> None:
    with pytest.raises(ValueError, match=r"[Ii]ssuer"):
        certificate(pki, "admin").verify_directly_issued_by(certificate(pki, "front-proxy-ca"))


def test_nobody_else_can_read_a_key(pki: Path) -> None:
    keys = sorted(pki.glob("*.key"))
    assert len(keys) == len(SUBJECTS) + len(AUTHORITIES) + 1
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700
