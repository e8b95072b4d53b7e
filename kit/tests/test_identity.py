"""Keys are kept from others, and a token says who signed it."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from callboard_kit.client import KeyFileError, load_key
from callboard_kit.identity import InvalidTokenError, SigningKey, VerifyingKey, digest, verify
from callboard_kit.settings import Settings


def test_a_saved_key_is_the_same_key_and_its_owner_s_alone(tmp_path: Path) -> None:
    key = SigningKey.generate("orders")
    path = tmp_path / "keys" / "orders.pem"

    key.save(path)

    assert SigningKey.load(path, team="orders").public_key == key.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_saving_over_a_file_that_others_can_read_takes_it_away_from_them(tmp_path: Path) -> None:
    path = tmp_path / "orders.pem"
    path.write_text("old")
    path.chmod(0o644)

    SigningKey.generate("orders").save(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_never_shows_itself() -> None:
    key = SigningKey.generate("orders")

    assert repr(key) == f"SigningKey(team='orders', key_id='{key.key_id}')"


def test_signing_the_same_twice_gives_the_same_token() -> None:
    key = SigningKey.generate("orders")

    assert key.sign({"a": 1}) == key.sign({"a": 1})
    assert verify(key.sign({"a": 1}), lambda *_: key.public_key) == {"a": 1, "iss": "orders"}


def test_claims_cannot_name_another_issuer_or_key() -> None:
    key = SigningKey.generate("orders")
    asked: list[tuple[str, str]] = []

    def find(team: str, key_id: str) -> VerifyingKey:
        asked.append((team, key_id))
        return key.public_key

    claims = verify(key.sign({"iss": "billing", "kid (header)": "other"}), find)

    assert claims["iss"] == "orders"
    assert asked == [("orders", key.key_id)]


def test_a_vouched_key_that_is_no_key_lets_nobody_in() -> None:
    key = SigningKey.generate("orders")
    broken = VerifyingKey(team="orders", key_id=key.key_id, public_bytes=b"short")

    with pytest.raises(InvalidTokenError, match="was not signed by"):
        verify(key.sign({}), lambda *_: broken)


def test_a_message_about_a_token_never_holds_it() -> None:
    token = SigningKey.generate("orders").sign({"secret": "s3cret"})

    with pytest.raises(InvalidTokenError) as refused:
        verify(token, lambda *_: None)
    assert token.split(".")[2] not in str(refused.value)


def test_a_digest_is_as_long_as_it_says() -> None:
    assert digest(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_a_missing_key_file_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"team 'orders' has no key at '.*keys/orders.pem'"):
        load_key("orders", Settings(home=tmp_path))


def test_a_file_that_holds_no_ed25519_key_is_named(tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 1024)  # Small, to be made quickly; it guards nothing.
    path = tmp_path / "k.pem"

    for content in (b"junk", b"", rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        path.write_bytes(content)
        with pytest.raises(KeyFileError, match="holds no Ed25519 private key"):
            load_key("orders", Settings(key_file=path))
