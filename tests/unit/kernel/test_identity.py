"""Services believe the gateway's signature and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from shared.kernel.clock import Clock
from shared.kernel.identity import ANONYMOUS, Identity, Signer, Unverified, Verifier, generate_keys, public_key_of

KEYS = generate_keys()
EDITOR = Identity("018f", frozenset({"reader", "member", "editor"}), "org", "session")


class Settable(Clock):
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Settable:
    return Settable()


@pytest.fixture
def signer(clock: Settable) -> Signer:
    return Signer(KEYS.private, clock)


@pytest.fixture
def verifier(clock: Settable) -> Verifier:
    return Verifier(KEYS.public, "catalog", clock)


def forged(claims: dict[str, Any], header: dict[str, str], key: Any) -> str:
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


@pytest.mark.parametrize("identity", [EDITOR, ANONYMOUS])
def test_an_identity_arrives_as_it_was_signed(identity: Identity, signer: Signer, verifier: Verifier) -> None:
    assert verifier.verify(signer.sign(identity, "catalog")) == identity


def test_the_actor_is_the_person_or_else_the_label() -> None:
    assert EDITOR.actor == "018f"
    assert ANONYMOUS.actor == "anonymous"


def test_a_token_for_another_service_is_refused(signer: Signer, verifier: Verifier) -> None:
    with pytest.raises(Unverified):
        verifier.verify(signer.sign(EDITOR, "events"))


def test_a_token_lives_a_minute(signer: Signer, verifier: Verifier, clock: Settable) -> None:
    token = signer.sign(EDITOR, "catalog")
    clock.at += timedelta(seconds=60)
    assert verifier.verify(token) == EDITOR
    clock.at += timedelta(seconds=6)
    with pytest.raises(Unverified):
        verifier.verify(token)


def test_a_token_from_the_future_is_refused(signer: Signer, verifier: Verifier, clock: Settable) -> None:
    token = signer.sign(EDITOR, "catalog")
    clock.at -= timedelta(seconds=6)
    with pytest.raises(Unverified):
        verifier.verify(token)


def test_a_young_token_is_used_again_an_old_one_is_not(signer: Signer, clock: Settable) -> None:
    first = signer.sign(EDITOR, "catalog")
    clock.at += timedelta(seconds=29)
    assert signer.sign(EDITOR, "catalog") == first
    clock.at += timedelta(seconds=1)
    assert signer.sign(EDITOR, "catalog") != first


def test_another_key_is_refused(verifier: Verifier, clock: Settable) -> None:
    with pytest.raises(Unverified):
        verifier.verify(Signer(generate_keys().private, clock).sign(EDITOR, "catalog"))


def test_the_public_key_is_no_secret_to_sign_with(signer: Signer, verifier: Verifier) -> None:
    token = forged(claims_of(signer.sign(EDITOR, "catalog")), {"alg": "HS256"}, OctKey.import_key(KEYS.public))
    with pytest.raises(Unverified):
        verifier.verify(token)


def test_unsigned_is_refused(signer: Signer, verifier: Verifier) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    body = signer.sign(EDITOR, "catalog").split(".")[1]
    with pytest.raises(Unverified):
        verifier.verify(f"{head}.{body}.")


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 4102444800},
        {"roles": ["root"]},
        {"roles": "editor"},
        {"aud": ["catalog"]},
        {"iss": "somebody"},
        {"exp": "soon"},
        {"more": 1},
        {"label": None},
        {"roles": None},
    ],
)
def test_well_signed_nonsense_is_refused(change: dict[str, Any], signer: Signer, verifier: Verifier) -> None:
    raw: dict[str, str | list[str]] = {"kty": "OKP", "crv": "Ed25519", "x": KEYS.public, "d": KEYS.private}
    claims = claims_of(signer.sign(EDITOR, "catalog")) | change
    with pytest.raises(Unverified):
        verifier.verify(forged(claims, {"alg": "Ed25519"}, OKPKey.import_key(raw)))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(Unverified):
        Verifier(KEYS.public, "catalog", Settable()).verify(text)


def test_the_public_half_follows_from_the_private() -> None:
    assert public_key_of(KEYS.private) == KEYS.public


@pytest.mark.parametrize("key", ["", "c2hvcnQ"])
def test_a_key_of_another_length_is_refused(key: str, clock: Settable) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Verifier(key, "catalog", clock)
