"""Links that unsubscribe: found true by their signature, and ending nothing but what they name."""

import base64

import pytest

from services.notify.unsubscribing import PATH, Naming, Unsubscribing

WHO = "0198f0a2-0000-7000-8000-000000000001"
WHAT = "0198f0a2-0000-5000-8000-000000000002"
LINKS = Unsubscribing.of("https://portal.example/", b"k" * 32)
NAMINGS = [Naming(WHO), Naming(WHO, subscription_id=WHAT), Naming(WHO, kind="partner_match")]


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_link_says_what_it_was_made_for(naming: Naming) -> None:
    url = LINKS.unsubscribe_url(naming.person_id, naming.subscription_id, kind=naming.kind)
    assert url.startswith(f"https://portal.example{PATH}")
    assert LINKS.read(url.removeprefix(f"https://portal.example{PATH}")) == naming


def test_a_kinds_link_is_the_same_either_way() -> None:
    assert LINKS.of_kind(WHO, "checklist_due") == LINKS.unsubscribe_url(WHO, kind="checklist_due")


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_link_with_any_byte_changed_is_none(naming: Naming) -> None:
    raw = bytearray(base64.urlsafe_b64decode(LINKS.token(naming) + "=="))
    for place in range(len(raw)):
        changed = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        assert LINKS.read(base64.urlsafe_b64encode(changed).decode().rstrip("=")) is None


def test_a_link_of_another_key_is_none() -> None:
    other = Unsubscribing.of("https://portal.example", b"o" * 32)
    assert LINKS.read(other.token(NAMINGS[0])) is None


@pytest.mark.parametrize("token", ["", "a", "ä", "A" * 40, "../../x", "=" * 8, "A" * 5000])
def test_nonsense_is_no_link(token: str) -> None:
    assert LINKS.read(token) is None


def test_a_kind_that_is_no_choice_is_no_link() -> None:
    assert LINKS.read(LINKS.token(Naming(WHO, kind="registration_confirmed"))) is None
