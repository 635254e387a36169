"""Who asks: the gateway signs it with every request, services refuse what is not signed."""

import base64
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.kernel.clock import Clock

HEADER = "Ikz-Identity"
ALGORITHM = "Ed25519"  # the name RFC 9864 gives to EdDSA with this curve
LIFETIME = 60
REUSED = 30
SKEW = 5
REMEMBERED = 4096

type Role = Literal["reader", "member", "editor", "operator"]
ROLES: frozenset[Role] = frozenset(get_args(Role.__value__))
ANYONE: frozenset[Role] = frozenset()


class Unverified(Exception):
    """A token that is none of ours, not for us, or out of its time."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `label` says in the logs what kind of caller it is: "anonymous", "token:<label>", "session"."""

    person_id: str | None
    roles: frozenset[Role]
    organisation_id: str | None
    label: str

    @property
    def actor(self) -> str:
        """The pseudonym that the journal keeps."""
        return self.person_id or self.label


ANONYMOUS = Identity(person_id=None, roles=frozenset({"reader"}), organisation_id=None, label="anonymous")


class Claims(BaseModel):
    """What a token says; anything else in it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    iss: Literal["gateway"]
    aud: str
    iat: int
    exp: int
    sub: str | None
    roles: tuple[Role, ...]
    org: str | None
    label: str


CLAIMS = TypeAdapter(Claims)


class KeyPair(NamedTuple):
    """Both halves as settings take them: base64url of 32 bytes."""

    private: str
    public: str


def generate_keys() -> KeyPair:
    """A new pair: the private key for the gateway alone, the public one for every service."""
    key = OKPKey.generate_key("Ed25519").as_dict(private=True)
    return KeyPair(private=str(key["d"]), public=str(key["x"]))


def public_key_of(private_key: str) -> str:
    """The public half that belongs to a private key."""
    return str(_private(private_key).as_dict(private=False)["x"])


class Signer:
    """The gateway's: one short-lived token per identity and audience, used again while it is young."""

    def __init__(self, private_key: str, clock: Clock) -> None:
        self._key = _private(private_key)
        self._clock = clock
        self._signed: OrderedDict[tuple[Identity, str], tuple[int, str]] = OrderedDict()

    def sign(self, identity: Identity, audience: str) -> str:
        """A token that `audience` accepts for a minute (from 30 seconds on: at least)."""
        now = int(self._clock.now().timestamp())
        made, token = self._signed.get((identity, audience), (0, ""))
        if not made <= now < made + REUSED:
            token = self._encode(identity, audience, now)
            _remember(self._signed, (identity, audience), (now, token))
        return token

    def _encode(self, identity: Identity, audience: str, now: int) -> str:
        claims = Claims(
            iss="gateway",
            aud=audience,
            iat=now,
            exp=now + LIFETIME,
            sub=identity.person_id,
            roles=tuple(sorted(identity.roles)),
            org=identity.organisation_id,
            label=identity.label,
        )
        return jwt.encode({"alg": ALGORITHM}, claims.model_dump(), self._key, algorithms=[ALGORITHM])


class Verifier:
    """A service's: knows the gateway's public key and its own name."""

    def __init__(self, public_key: str, audience: str, clock: Clock) -> None:
        self._key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _checked(public_key)})
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Claims, Identity]] = OrderedDict()

    def verify(self, token: str) -> Identity:
        """The identity in a token that is signed, ours, for this service and in its time; else `Unverified`."""
        known = self._verified.get(token)
        if known is None:
            claims = self._decode(token)
            identity = Identity(claims.sub, frozenset(claims.roles), claims.org, claims.label)
            known = claims, identity
        self._in_time(known[0])
        _remember(self._verified, token, known)
        return known[1]

    def _decode(self, token: str) -> Claims:
        try:
            raw = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            claims = CLAIMS.validate_python({**raw.claims, "roles": tuple(raw.claims.get("roles", ()))})
        except (JoseError, ValidationError, ValueError, TypeError) as error:
            raise Unverified("not a token of the gateway") from error
        if claims.aud != self._audience:
            raise Unverified("a token for another service")
        return claims

    def _in_time(self, claims: Claims) -> None:
        now = self._clock.now().timestamp()
        if not claims.iat - SKEW <= now < claims.exp + SKEW or claims.exp - claims.iat > LIFETIME:
            raise Unverified("a token out of its time")


def _remember[K, V](cache: OrderedDict[K, V], key: K, value: V) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > REMEMBERED:
        cache.popitem(last=False)


def _private(private_key: str) -> OKPKey:
    secret = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(_checked(private_key) + "="))
    public = base64.urlsafe_b64encode(secret.public_key().public_bytes_raw()).decode().rstrip("=")
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public, "d": _checked(private_key)})


def _checked(key: str) -> str:
    """The key as base64url without padding, from any form of base64; `ValueError` unless it has 32 bytes."""
    plain = key.strip().rstrip("=").translate(str.maketrans("+/", "-_"))
    if len(base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))) != 32:
        raise ValueError("an Ed25519 key has 32 bytes")
    return plain
