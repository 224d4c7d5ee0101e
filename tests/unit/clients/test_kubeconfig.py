"""Whatever is wrong with a kubeconfig: a sentence that names the file, the cause and the remedy."""

import base64
import copy
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from autoscaler.clients.kube.connection import connect
from autoscaler.clients.kube.kubeconfig.files import Entry, find
from autoscaler.clients.kube.kubeconfig.load import load
from autoscaler.clients.kube.kubeconfig.plugin import credentials
from autoscaler.errors import Permanent
from autoscaler.settings import KubernetesSettings

Json = dict[str, Any]
Change = Callable[[Json], object]

GOOD: Json = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "users": [{"name": "u", "user": {"token": "a-token"}}],
}
PLUGIN = "client.authentication.k8s.io/v1"


def written(folder: Path, content: Json | str | bytes, name: str = "config") -> Path:
    path = folder / name
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def changed(change: Change) -> Json:
    content = copy.deepcopy(GOOD)
    change(content)
    return content


def cluster(**fields: object) -> Change:
    return lambda content: content["clusters"][0]["cluster"].update(fields)


def user(**fields: object) -> Change:
    return lambda content: content["users"][0].update(user=fields)


def dashed(**fields: object) -> Json:
    return {name.replace("_", "-"): value for name, value in fields.items()}


async def refusal(path: Path | str, context: str = "") -> str:
    with pytest.raises(Permanent) as caught:
        await connect(KubernetesSettings(kubeconfig=str(path), context=context), {})
    message = str(caught.value)
    assert str(path) in message
    assert "; " in message  # cause; remedy
    assert "a-token" not in message
    assert "\n" not in message
    return message


def base64_of(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foresail")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), key


def pem(key: ec.EllipticCurvePrivateKey, phrase: bytes = b"") -> bytes:
    how = BestAvailableEncryption(phrase) if phrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty; name the right one with --kubeconfig"),
        ("---\n# nothing\n", "it is empty"),
        ("{]", "it is not YAML: line 1, column 2"),
        ("a:\n\tb: 1", "YAML wants spaces"),
        (b"\x7fELF\x80", "it is not YAML: byte 5 is not UTF-8; is it a binary file"),
        (b"a\0b", "it is not YAML: character 2"),
        ("- a\n", "it must be an object with clusters, contexts and users, not a list"),
        ("hello", "it must be an object with clusters, contexts and users, not text"),
        ("a: 1\n---\nb: 1\n", "there are 2 YAML documents in it"),
        ("kind: Deployment", "its kind is 'Deployment', and that of a kubeconfig is Config"),
        ("a: &a [*a]", "nested without end"),
        ("- " * 20_000, "nested deeper than 100 levels"),
        ("{}", "there is no context in it"),
    ],
)
async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    message = await refusal(written(tmp_path, content))
    assert message.startswith("reading the kubeconfig ")
    assert said in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("contexts"), "there is no context in it"),
        (lambda c: c.pop("current-context"), "it names no current-context; choose one of 'here' with --context"),
        (lambda c: c.update({"current-context": "x"}), "no context 'x', which its current-context names; choose one of 'here'"),
        (lambda c: c.update({"current-context": 5}), "current-context must be text, not a number; put it in quotes"),
        (lambda c: c.pop("clusters"), "names the cluster 'c', which is not there (there are no clusters)"),
        (lambda c: c.pop("users"), "names the user 'u', which is not there (there are no users)"),
        (lambda c: c.update(users=[{"name": "v"}]), "names the user 'u', which is not there (there is only 'v')"),
        (lambda c: c.update(clusters={}), "clusters must be a list, not an object"),
        (lambda c: c.update(contexts="here"), "contexts must be a list, not text"),
        (lambda c: c.update(users=["u"]), "users[0] must be an object with name and user, not text"),
        (lambda c: c.update(users=[{"name": "u", "user": "x"}]), "users[0].user must be an object, not text"),
        (lambda c: c.update(clusters=[{"name": 1, "cluster": {}}]), "clusters[0]: name must be text, not a number"),
        (lambda c: c["contexts"][0].pop("context"), "context 'here': it names no cluster"),
        (lambda c: c["contexts"][0]["context"].pop("user"), "context 'here': it names no user"),
        (lambda c: c["contexts"][0]["context"].update(user=["u"]), "context 'here': user must be text, not a list"),
        (lambda c: c["clusters"][0].pop("cluster"), "cluster 'c': it has no server"),
        (cluster(server=""), "cluster 'c': it has no server, the address of the API server; write it as https://HOST:PORT"),
        (cluster(server=6443), "server must be text, not a number"),
        (cluster(server="127.0.0.1:6443"), "server does not begin with https:// or http://"),
        (cluster(server="https://"), "server names no host"),
        (cluster(server="https://host:0"), "server names no host that can be reached"),
        (cluster(server="https://a b:1"), "server names no host"),
        (cluster(server="https://a..b"), "server names no host"),
        (cluster(server=f"https://{'a' * 64}.b"), "server names no host"),
        (cluster(server="https://host:99999"), "its port is no number"),
        (cluster(server="https://[::1:6443"), "server is no URL"),
        (cluster(server="https://me:a-token@host"), "server holds a user name"),
        (cluster(server="https://host/?a=b"), "server holds a query"),
        (cluster(**dashed(certificate_authority="ca.crt")), "ca.crt cannot be read: No such file or directory"),
        (cluster(**dashed(certificate_authority=".")), "is no file"),
        (cluster(**dashed(certificate_authority="\033[2J\n")), r"\x1b[2J\n cannot be read: No such file or directory"),
        (cluster(**dashed(certificate_authority=["x"])), "certificate-authority must be text, not a list"),
        (cluster(**dashed(certificate_authority_data="%%%")), "certificate-authority-data is not base64"),
        (cluster(**dashed(certificate_authority_data="YWJj")), "certificate-authority-data holds no certificate in PEM form"),
        (cluster(**dashed(certificate_authority_data=7)), "certificate-authority-data must be text, not a number"),
        (cluster(**dashed(insecure_skip_tls_verify="false")), "insecure-skip-tls-verify must be true or false, not text"),
        (cluster(**dashed(proxy_url="socks5://a-token@p:1")), "proxy-url does not begin with http:// or https://"),
        (user(**dashed(client_key_data="YWJj")), "user 'u': there is a client-key, but no client-certificate"),
        (
            user(**dashed(client_certificate_data="YWJj", client_key_data="YWJj")),
            "client-certificate-data holds no certificate",
        ),
        (user(**dashed(client_certificate="x.crt", client_key="x.key")), "x.crt cannot be read: No such file"),
        (user(token=5), "user 'u': token must be text, not a number; put it in quotes"),
        (user(token="a\nb"), "token holds a line break"),
        (user(tokenFile="nowhere"), "nowhere cannot be read: No such file"),
        (user(tokenFile="."), "cannot be read: Is a directory"),
        (user(username=["x"]), "username must be text, not a list"),
        (user(**{"as": "admin"}), "as (acting as another user) is not supported"),
        (user(**{"auth-provider": {"name": "azure"}}), "auth-provider: the provider is none of oidc, gcp; use a plugin"),
        (user(**{"auth-provider": "oidc"}), "auth-provider must be an object"),
        (user(exec="aws"), "exec must be an object, not text"),
        (user(exec={}), "exec: it has no command"),
        (user(exec={"command": "aws"}), "exec: it has no apiVersion"),
        (user(exec={"command": "no-such", "apiVersion": PLUGIN}), "'no-such' is not on PATH; install it, or name it"),
        (
            user(exec={"command": "./no", "apiVersion": PLUGIN, "installHint": "get\n it"}),
            "is not there or may not be run; get it",
        ),
        (user(exec={"command": "true", "apiVersion": PLUGIN, "args": [1]}), "args must be a list of texts"),
        (user(exec={"command": "true", "apiVersion": PLUGIN, "env": {"A": "b"}}), "env must be a list of objects"),
        (user(exec={"command": "true", "apiVersion": PLUGIN, "env": [{"value": "b"}]}), "env[0]: it is no variable"),
        (user(exec={"command": "true", "apiVersion": PLUGIN}), "the answer of the plugin is not JSON"),
        (user(exec={"command": "false", "apiVersion": PLUGIN}), "ended with 1: it said nothing; try by hand"),
        (
            user(exec={"command": "echo", "args": ["[" * 50_000], "apiVersion": PLUGIN}),
            "is not JSON (it is not text, or nested",
        ),
        (user(exec={"command": "echo", "args": ["[]"], "apiVersion": PLUGIN}), "is no ExecCredential with a status"),
        (user(exec={"command": "echo", "args": ['{"status": {}}'], "apiVersion": PLUGIN}), "is not of apiVersion"),
        (
            user(exec={"command": "echo", "args": [f'{{"status": {{}}, "apiVersion": "{PLUGIN}"}}'], "apiVersion": PLUGIN}),
            "it holds neither a token nor a certificate",
        ),
    ],
)
async def test_a_part_that_is_wrong_is_named_with_the_remedy(tmp_path: Path, change: Change, said: str) -> None:
    message = await refusal(written(tmp_path, changed(change)))
    assert message.startswith("reading the kubeconfig ")
    assert said in message


async def test_a_context_that_is_asked_for_and_not_there_is_named(tmp_path: Path) -> None:
    message = await refusal(written(tmp_path, GOOD), context="prod")
    assert "there is no context 'prod', which --context (setting kubernetes.context) names; choose one of 'here'" in message


async def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    assert "it cannot be read: Is a directory" in await refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0)
    assert "it cannot be read: Permission denied" in await refusal(path)


@pytest.mark.parametrize("name", ["nowhere", "x" * 5000, "config/config", "a:b"])
async def test_a_file_that_is_not_there_is_named_with_who_named_it(tmp_path: Path, name: str) -> None:
    written(tmp_path, GOOD)
    message = await refusal(tmp_path / name)
    assert "it does not exist, and the setting kubernetes.kubeconfig names it; name the right one with --kubeconfig" in message


async def test_without_any_kubeconfig_the_default_and_the_ways_to_name_one_are_said(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=rf"{tmp_path}/\.kube/config: it does not exist, no other is named.*--kubeconfig"):
        await connect(KubernetesSettings(), {"HOME": str(tmp_path)})
    with pytest.raises(Permanent, match=r"/x/y: it does not exist, and the environment variable KUBECONFIG names it"):
        await connect(KubernetesSettings(), {"KUBECONFIG": "/x/y"})


def test_an_empty_variable_is_none_and_of_several_files_those_that_are_missing_are_passed_over(tmp_path: Path) -> None:
    default = tmp_path / ".kube" / "config"
    default.parent.mkdir()
    default.write_text("")
    assert find("", {"HOME": str(tmp_path), "KUBECONFIG": ""}) == [default]
    assert find("", {"KUBECONFIG": f"/nowhere:{default}"}) == [default]


async def test_several_files_are_merged_as_kubectl_does(tmp_path: Path) -> None:
    """The first that says something counts, an empty one does no harm, and paths start at the file that they are in."""
    first = written(tmp_path, "", "first")
    second = written(tmp_path, {"current-context": "here", "users": [{"name": "u", "user": {"tokenFile": "token"}}]}, "second")
    (tmp_path / "sub").mkdir()
    third = written(tmp_path / "sub", {**GOOD, "current-context": "other"})
    written(tmp_path, " b-token\n", "token")
    content = await load(KubernetesSettings(kubeconfig=f"{first}:{second}:{third}"), {})
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert content["users"][0]["user"] == {"token": "b-token"}


async def test_a_cluster_without_tls_needs_no_user(tmp_path: Path) -> None:
    def change(content: Json) -> None:
        del content["users"], content["contexts"][0]["context"]["user"]
        content["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:8001"

    connection = await connect(KubernetesSettings(kubeconfig=str(written(tmp_path, changed(change)))), {})
    await connection.close()


@pytest.mark.parametrize("as_data", [True, False])
async def test_certificates_and_keys_are_used_from_files_and_as_data(
    tmp_path: Path,
    pair: tuple[bytes, ec.EllipticCurvePrivateKey],
    as_data: bool,  # noqa: FBT001 - an example
) -> None:
    certificate, key = pair[0], pem(pair[1])
    fields: Json = {}
    for name, content in (("certificate-authority", certificate), ("client-certificate", certificate), ("client-key", key)):
        path = written(tmp_path, b"a comment in \xc3\xbc\n" + content, name)
        fields |= {f"{name}-data": base64_of(content)} if as_data else {name: path.name}
    authority = {name: fields.pop(name) for name in list(fields) if name.startswith("certificate-authority")}

    def change(content: Json) -> None:
        cluster(**authority)(content)
        user(**fields)(content)

    connection = await connect(KubernetesSettings(kubeconfig=str(written(tmp_path, changed(change)))), {})
    await connection.close()


async def test_a_key_of_another_certificate_and_one_with_a_pass_phrase_are_refused(
    tmp_path: Path, pair: tuple[bytes, ec.EllipticCurvePrivateKey]
) -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    for key, said in ((other, "check that certificate and key"), (pem(pair[1], b"secret"), "has a pass phrase")):
        fields = dashed(client_certificate_data=base64_of(pair[0]), client_key_data=base64_of(key))
        assert said in await refusal(written(tmp_path, changed(user(**fields))))


async def test_garbage_between_the_lines_of_a_key_is_refused(
    tmp_path: Path, pair: tuple[bytes, ec.EllipticCurvePrivateKey]
) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----\n"
    fields = dashed(client_certificate_data=base64_of(pair[0]), client_key_data=base64_of(key))
    assert "cannot use them" in await refusal(written(tmp_path, changed(user(**fields))))


def program(folder: Path, text: str) -> str:
    path = written(folder, f"#!/bin/sh\n{text}\n", "plugin")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./plugin"


async def test_a_plugin_beside_the_kubeconfig_gives_token_and_certificate(
    tmp_path: Path, pair: tuple[bytes, ec.EllipticCurvePrivateKey]
) -> None:
    status = {"token": "t", "clientCertificateData": pair[0].decode(), "clientKeyData": pem(pair[1]).decode()}
    written(tmp_path, {"apiVersion": PLUGIN, "kind": "ExecCredential", "status": status}, "answer")
    command = program(tmp_path, 'echo "$KUBERNETES_EXEC_INFO" > "$1.info"; cat "$ANSWER"')
    spec = {"command": command, "apiVersion": PLUGIN, "args": [str(tmp_path / "seen")], "env": [answer_of(tmp_path)]}
    path = written(tmp_path, changed(user(exec=spec)))
    content = await load(KubernetesSettings(kubeconfig=str(path)), {})
    assert content["users"][0]["user"] == {
        "token": "t",
        "client-certificate-data": base64_of(pair[0]),
        "client-key-data": base64_of(pem(pair[1])),
    }
    info = json.loads((tmp_path / "seen.info").read_text())
    assert info == {"apiVersion": PLUGIN, "kind": "ExecCredential", "spec": {"interactive": False}}
    connection = await connect(KubernetesSettings(kubeconfig=str(path)), {})
    await connection.close()


def answer_of(folder: Path) -> dict[str, str]:
    return {"name": "ANSWER", "value": str(folder / "answer")}


async def test_what_a_plugin_says_when_it_fails_is_told_in_one_line(tmp_path: Path) -> None:
    command = program(tmp_path, "printf 'log in\\n first\\033[2J' >&2; exit 3")
    message = await refusal(written(tmp_path, changed(user(exec={"command": command, "apiVersion": PLUGIN}))))
    assert "ended with 3: log in first [2J; try by hand" in message


async def test_a_plugin_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    command = program(tmp_path, "sleep 300 & sleep 300")
    plugin = Entry(tmp_path / "config", "user 'u', exec", {"command": command, "apiVersion": PLUGIN})
    with pytest.raises(Permanent, match=r"gave no answer within 0\.2 s; try by hand"):
        await credentials(plugin, timeout_s=0.2)


async def test_a_plugin_that_must_ask_a_person_is_not_started_without_a_terminal(tmp_path: Path) -> None:
    spec = {"command": "true", "apiVersion": PLUGIN, "interactiveMode": "Always"}
    assert "there is no terminal" in await refusal(written(tmp_path, changed(user(exec=spec))))


@pytest.mark.parametrize("content", ["", "- a", "{]"])
def test_the_program_ends_with_a_sentence_and_no_traceback(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(path)}
    environ["FORESAIL_LEADER_ELECTION__ENABLED"] = "false"
    command = [sys.executable, "-m", "autoscaler", "run", "--log-level", "error"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(f"foresail: reading the kubeconfig {path}: ")
