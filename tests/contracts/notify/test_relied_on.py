"""What other services really publish is understood here: a session's whole life, and that of a text for a contact."""

import datetime as dt

import pytest

from services.catalog.contact_request import CONTACT_REQUEST, About, ConfirmContactRequest, ReceiveContactRequest
from services.events.life_commands import (
    AnnounceSession,
    CancelSession,
    DraftSession,
    OpenRegistration,
    PostponeSession,
    ReinstateSession,
    ReviseSession,
)
from services.events.programme import Content
from services.events.registration import ConfirmRegistration, RegisterParticipant, WithdrawRegistration
from services.events.session import DECIDER, Command, LetTimePass
from services.events.times import When
from services.notify.cause import ABOUT_CONTACTS, CONTACT_KINDS, KINDS, read_cause
from services.notify.letter import Scene, as_left_by, compose
from services.notify.texts import load_texts
from shared.contracts.contract import Contract
from shared.contracts.rpc import Recipient, SessionCard
from shared.kernel.decider import Decider

SESSION, SERIES = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=25)
JULY = When(starts_at=dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC))
AUGUST = When(starts_at=dt.datetime(2025, 8, 28, 8, tzinfo=dt.UTC))
ONLINE = Content(series_id=SERIES, title="Digitale Sprechstunde", mode="online", capacity=1)
LINKED = ONLINE.model_copy(update={"access_link": "https://konferenz.example/raum"})


def register(who: str, *, member: bool = False, registration: str | None = None) -> RegisterParticipant:
    number = registration or f"r-{who}"
    return RegisterParticipant(
        registration_id=number, person_id=who, member=member, token_hash=f"hash of {number}", sealed="sealed"
    )


LIFE: list[tuple[Command, dt.datetime]] = [
    (DraftSession(session_id=SESSION, content=ONLINE, when=When(date=JULY.day)), NOW),
    (AnnounceSession(), NOW),
    (ReviseSession(content=ONLINE, when=JULY), NOW),
    (OpenRegistration(), NOW),
    (register("anna"), NOW),
    (ConfirmRegistration(registration_id="r-anna"), NOW),
    (register("anna", registration="again"), NOW),
    (register("bela"), NOW),
    (register("cora", member=True), NOW),
    (ReviseSession(content=LINKED, when=JULY), NOW),
    (PostponeSession(when=When(), reason="organisatorische Gründe"), NOW),
    (PostponeSession(when=AUGUST, reason="organisatorische Gründe"), NOW),
    (WithdrawRegistration(registration_id="r-anna"), NOW),
    (LetTimePass(unconfirmed=("r-bela",)), LATER),
    (CancelSession(reason="Erkrankung"), LATER),
    (ReinstateSession(), LATER),
]


def published() -> list[Contract]:
    events: Decider[object, Command, object] = DECIDER  # type: ignore[assignment,type-var]
    state, said = events.initial, []
    for command, at in LIFE:
        decided = events.decide(command, state, at)
        assert decided, f"nothing came of {command}"
        for event in decided:
            state = events.evolve(state, event)
            said.append(events.publish(event))
    return [contract for contract in said if contract is not None]


def test_every_cause_is_published_in_a_sessions_life() -> None:
    assert {type(contract) for contract in published()} >= set(KINDS)


def test_every_cause_becomes_a_whole_letter() -> None:
    texts = load_texts()
    card = SessionCard(
        session_id=SESSION,
        series_id=SERIES,
        series_title="Digitale Sprechstunde",
        title="Digitale Sprechstunde",
        status="registration_open",
        mode="online",
        sequence=0,
        version=1,
        **JULY.times().model_dump(),
    )
    person = Recipient(
        registration_id="r", person_id="p", email="a@b.example", name="Anna", token="t", status="confirmed"
    )
    for contract in published():
        if type(contract) in KINDS:
            cause = read_cause(contract.type, contract.model_dump(mode="json"))
            assert cause == contract
            assert not isinstance(cause, ABOUT_CONTACTS)
            letter = compose(Scene(cause, as_left_by(cause, card), person, "https://portal.example", NOW), texts)
            assert letter.opening
            assert letter.subject


def test_the_sequence_only_grows() -> None:
    sequences = [sequence for contract in published() if (sequence := getattr(contract, "sequence", None)) is not None]
    assert sequences == sorted(sequences)
    assert sequences[-1] > sequences[0]


@pytest.mark.parametrize("about", ["project", "cooperation_request"])
def test_every_cause_about_a_contact_is_published_and_understood(about: About) -> None:
    receive = ReceiveContactRequest(
        contact_request_id="c",
        request="r",
        about=about,
        about_id="a",
        person_id="p",
        token_hash="h",
        vault_subject="v",
        sealed="s",
    )
    (received,) = CONTACT_REQUEST.decide(receive, None, NOW)
    (confirmed,) = CONTACT_REQUEST.decide(ConfirmContactRequest(), CONTACT_REQUEST.evolve(None, received), NOW)
    for event in (received, confirmed):
        contract = CONTACT_REQUEST.publish(event)
        assert contract is not None
        assert CONTACT_KINDS[type(contract)].name in load_texts()
        assert read_cause(contract.type, contract.model_dump(mode="json")) == contract
