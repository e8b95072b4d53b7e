"""TLS, for gRPC and for HTTP."""

import re
import ssl

import grpc
import httpx
import pytest
from certificates import Authority
from grpc_health.v1 import health_pb2, health_pb2_grpc

from callboard_kit.registry import registry_client
from callboard_kit.settings import Settings as MemberSettings
from callboard_kit.settings import SettingsError
from callboard_registry.encryption import Encryption
from callboard_registry_api.client import RegistryClient, Tls
from callboard_registry_api.errors import RegistryUnavailableError


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def encryption(authority):
    return Encryption(*authority.sign("registry"))


def trusting(authority: Authority, *pair) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.certificate)
    if pair:
        context.load_cert_chain(*pair)
    return context


async def test_whoever_trusts_the_authority_is_served_encrypted_both_ways(serve_with, authority, encryption, document):
    tls = Tls(roots=authority.certificate.read_bytes())
    async with serve_with(encryption=encryption) as running:
        async with RegistryClient(str(running.grpc), administrator_token="administrator-for-tests", tls=tls) as client:
            assert (await client.list_listings()).items == ()
        async with httpx.AsyncClient(
            base_url=f"https://{running.http}", trust_env=False, verify=trusting(authority)
        ) as http:
            assert (await http.get("/healthz")).json() == {"status": "serving"}
        credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
        async with grpc.aio.secure_channel(str(running.grpc), credentials) as channel:
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_registry_that_another_authority_vouches_for_is_not_believed(serve_with, tmp_path, encryption):
    other = Authority(tmp_path, "other")
    async with serve_with(encryption=encryption) as running:
        async with RegistryClient(str(running.grpc), tls=Tls(roots=other.certificate.read_bytes())) as client:
            with pytest.raises(RegistryUnavailableError):
                await client.list_listings()
        async with httpx.AsyncClient(trust_env=False, verify=trusting(other), timeout=60) as http:
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await http.get(f"https://{running.http}/healthz")


async def test_nothing_is_served_in_the_clear_beside_it(serve_with, encryption):
    async with serve_with(encryption=encryption) as running:
        async with RegistryClient(str(running.grpc)) as client:
            with pytest.raises(RegistryUnavailableError):
                await client.list_listings()
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            with pytest.raises(httpx.TransportError):
                await http.get(f"http://{running.http}/healthz")


async def test_where_clients_need_a_certificate_only_those_with_one_get_in(serve_with, tmp_path, authority):
    clients = Authority(tmp_path, "clients")
    pair, other = clients.sign("shop"), Authority(tmp_path, "other").sign("stranger")
    roots = authority.certificate.read_bytes()
    encryption = Encryption(*authority.sign("registry"), client_authority=clients.certificate)
    async with serve_with(encryption=encryption) as running:
        known = Tls(roots=roots, certificate=pair[0].read_bytes(), key=pair[1].read_bytes())
        async with RegistryClient(str(running.grpc), tls=known) as client:
            assert (await client.list_listings()).items == ()
        stranger = Tls(roots=roots, certificate=other[0].read_bytes(), key=other[1].read_bytes())
        for tls in (Tls(roots=roots), stranger):
            async with RegistryClient(str(running.grpc), tls=tls) as client:
                with pytest.raises(RegistryUnavailableError):
                    await client.list_listings()
        async with httpx.AsyncClient(trust_env=False, verify=trusting(authority, *pair), timeout=60) as http:
            assert (await http.get(f"https://{running.http}/healthz")).status_code == 200
        async with httpx.AsyncClient(trust_env=False, verify=trusting(authority), timeout=60) as http:
            with pytest.raises(httpx.TransportError):
                await http.get(f"https://{running.http}/healthz")


async def test_a_process_serves_with_what_its_environment_names(launch, tmp_path, authority):
    certificate, key = authority.sign("registry")
    variables = {
        "CALLBOARD_REGISTRY_TLS_CERTIFICATE": str(certificate),
        "CALLBOARD_REGISTRY_TLS_KEY": str(key),
    }
    async with launch(ready=False, **variables) as process:
        tls = Tls(roots=authority.certificate.read_bytes())
        credentials = grpc.ssl_channel_credentials(tls.roots)
        async with grpc.aio.secure_channel(str(process.running.grpc), credentials) as channel:
            await channel.channel_ready()
        async with RegistryClient(str(process.running.grpc), tls=tls) as client:
            assert (await client.list_listings()).items == ()


@pytest.mark.parametrize("broken", ["certificate", "key", "client authority"])
def test_a_file_that_holds_no_such_thing_is_named(tmp_path, authority, broken):
    certificate, key = authority.sign("registry")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not PEM")
    variables = {
        "CALLBOARD_REGISTRY_TLS_CERTIFICATE": str(wrong if broken == "certificate" else certificate),
        "CALLBOARD_REGISTRY_TLS_KEY": str(wrong if broken == "key" else key),
        "CALLBOARD_REGISTRY_TLS_CLIENT_CA": str(wrong if broken == "client authority" else authority.certificate),
    }
    with pytest.raises(SettingsError, match=re.escape(str(wrong))):
        Encryption.from_environment(variables)


async def test_a_member_meets_it_as_its_environment_says(serve_with, tmp_path, authority):
    pair = authority.sign("shop")
    encryption = Encryption(*authority.sign("registry"), client_authority=authority.certificate)
    async with serve_with(encryption=encryption) as running:
        variables = {
            "CALLBOARD_REGISTRY": str(running.grpc),
            "CALLBOARD_REGISTRY_ROOTS": str(authority.certificate),
            "CALLBOARD_REGISTRY_CERTIFICATE": str(pair[0]),
            "CALLBOARD_REGISTRY_CERTIFICATE_KEY": str(pair[1]),
        }
        async with registry_client(MemberSettings.from_environment(variables)) as client:
            assert (await client.list_listings()).items == ()


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"CALLBOARD_REGISTRY_ROOTS": "/nowhere.pem"}, "'/nowhere.pem', which cannot be read"),
        ({"CALLBOARD_REGISTRY_CERTIFICATE": "/c.pem"}, "CALLBOARD_REGISTRY_CERTIFICATE_KEY is not set"),
        ({"CALLBOARD_REGISTRY_CERTIFICATE_KEY": "/c.key"}, "CALLBOARD_REGISTRY_CERTIFICATE is not set"),
        (
            {"CALLBOARD_REGISTRY_CERTIFICATE": "/c.pem", "CALLBOARD_REGISTRY_CERTIFICATE_KEY": "/c.key"},
            "CALLBOARD_REGISTRY_ROOTS is not set",
        ),
        ({"CALLBOARD_REGISTRY": ""}, "CALLBOARD_REGISTRY is not set"),
    ],
)
async def test_a_member_that_cannot_meet_it_says_what_is_missing(told, named):
    with pytest.raises(SettingsError, match=re.escape(named)):
        registry_client(MemberSettings.from_environment({"CALLBOARD_REGISTRY": "127.0.0.1:1", **told}))
