"""What other services really publish is understood here.

A session's whole life, that of a text for a contact, and every example of what their owners publish. `relied_on` says
what is relied on; an owner's own example has to have all of it.
"""

import datetime as dt
import json
from operator import itemgetter
from pathlib import Path
from typing import Any

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
from services.events.registration_commands import ConfirmRegistration, RegisterParticipant, WithdrawRegistration
from services.events.session import DECIDER, Command, LetTimePass
from services.events.times import When
from services.notify import question_letter, session_letter
from services.notify.cause import (
    ABOUT_CONTACTS,
    ABOUT_QUESTIONS,
    ALL_KINDS,
    CONTACT_KINDS,
    KINDS,
    QUESTION_KINDS,
    Known,
)
from services.notify.letter import Letter
from services.notify.scene import Scene, as_left_by
from services.notify.texts import load_texts
from shared.contracts.contract import Contract
from shared.contracts.rpc import GroupMessage, QuestionLetter, Recipient, SessionCard
from shared.kernel.decider import Decider

SESSION, SERIES = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=25)
JULY = When(starts_at=dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC))
AUGUST = When(starts_at=dt.datetime(2025, 8, 28, 8, tzinfo=dt.UTC))
ONLINE = Content(series_id=SERIES, title="Digitale Sprechstunde", mode="online", capacity=1)
LINKED = ONLINE.model_copy(update={"access_link": "https://konferenz.example/raum"})


HERE = Path(__file__).parent
CAUSES: dict[str, Any] = {contract.type: contract for contract in ALL_KINDS}
PORTAL, TEXTS = "https://portal.example", load_texts()
CARD = SessionCard(
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


def examples(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
    return [example for example in found if example["type"] in CAUSES]


RELIED_ON = {example["type"]: example for example in examples(HERE / "relied_on")}
PUBLISHED = [example for owner in ("events", "catalog") for example in examples(HERE.parent / owner / "published")]


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


def test_every_cause_is_published_in_a_sessions_life_or_relied_on_by_an_example() -> None:
    lived = {contract.type for contract in published()}
    relied_on = {cause.type for cause in KINDS | QUESTION_KINDS if issubclass(cause, Contract)}
    assert lived | set(RELIED_ON) >= relied_on


def test_every_cause_of_a_sessions_life_becomes_a_whole_letter() -> None:
    for contract in published():
        if type(contract) in KINDS:
            cause = CAUSES[contract.type].model_validate(contract.model_dump(mode="json"))
            assert cause == contract
            assert whole(letter(cause))


@pytest.mark.parametrize("example", [*PUBLISHED, *RELIED_ON.values()], ids=itemgetter("type"))
def test_every_example_becomes_a_whole_letter(example: dict[str, Any]) -> None:
    cause = CAUSES[example["type"]].model_validate(example["data"])
    assert cause == CAUSES[example["type"]].model_validate(example["data"])
    assert isinstance(cause, ABOUT_CONTACTS) or whole(letter(cause))


@pytest.mark.parametrize("example", [each for each in PUBLISHED if each["type"] in RELIED_ON], ids=itemgetter("type"))
def test_an_owners_example_has_all_that_is_relied_on(example: dict[str, Any]) -> None:
    assert not missing(RELIED_ON[example["type"]]["data"], example["data"])


def test_what_an_owner_leaves_out_is_noticed() -> None:
    assert missing({"a": {"b": 1}, "c": [{"d": 1}]}, {"a": {}, "c": [{}]}) == ["/a/b", "/c/0/d"]
    assert missing({"a": {"b": 1}, "c": [{"d": 1}]}, {"a": {"b": 2}, "c": [{"d": 2}, {"d": 3}], "e": 1}) == []


def missing(relied_on: Any, there: Any, at: str = "") -> list[str]:
    """Where something is not there that is relied on; values may differ, and lists may be longer."""
    if isinstance(relied_on, dict):
        if not isinstance(there, dict):
            return [at]
        below = (missing(value, there.get(key, ...), f"{at}/{key}") for key, value in relied_on.items())
        return [place for places in below for place in places]
    if isinstance(relied_on, list) and relied_on:
        return [f"{at}/0"] if not there else missing(relied_on[0], there[0], f"{at}/0")
    return [at] if there is ... else []


def letter(cause: Known) -> Letter:
    """The letter for somebody whom a cause concerns."""
    assert not isinstance(cause, ABOUT_CONTACTS)
    if isinstance(cause, ABOUT_QUESTIONS):
        told = QuestionLetter(
            question_id="q", person_id="p", email="a@b.example", name="Anna", token="t", status="accepted", session=CARD
        )
        return question_letter.compose(cause, told, TEXTS, PORTAL)
    person = Recipient(
        registration_id="r",
        person_id="p",
        email="a@b.example",
        name="Anna",
        token="t",
        status="confirmed",
        feedback_token="f",
    )
    words = GroupMessage(subject="Mikrofon", text="Bitte testen.")
    scene = Scene(cause, as_left_by(cause, CARD), person, PORTAL, NOW, NOW, group_message=words)
    return session_letter.compose(scene, TEXTS)


def whole(found: Letter) -> bool:
    return bool(found.opening and found.subject and found.heading != found.tag and found.facts)


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
        assert CONTACT_KINDS[type(contract)].name in TEXTS
        assert CAUSES[contract.type].model_validate(contract.model_dump(mode="json")) == contract
