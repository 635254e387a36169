"""The checker of the storms finds what is broken in forged histories, and nothing in a sound one."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.faults.admission import walk
from tests.faults.checker import broken, message_id
from tests.faults.history import Asked, Attempt, Fault, History
from tests.faults.remains import Mail, Message, Recorded, Remains, Result

NOON = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
SESSION = "session-s"
NEW: dict[str, Any] = {"content": {"capacity": 1}}


class Forgery:
    """A small sound history: one seat, Erika takes it, Otto waits and follows when Erika withdraws."""

    def __init__(self) -> None:
        self.history = History()
        self.remains = Remains(
            journals={"catalog": [], "events": [], "notify": [], "gateway": []},
            results={"catalog": {}, "events": {}, "notify": {}, "gateway": {}},
            found=[0],
        )
        self.drafted = self.ask("draft_session", "/sessions", self.record("SessionDrafted", NEW))
        self.ask("announcements", "/sessions/s/announcements", self.record("SessionAnnounced", NEW, public="s"))
        self.erika = self.register("erika", "RegistrationReceived")
        self.otto = self.register("otto", "RegistrationWaitlisted")
        withdrawn = self.record("RegistrationWithdrawn", of("erika"), public="erika")
        promoted = self.record("RegistrationPromoted", of("otto"), public="otto", key=withdrawn.command_id)
        self.ask("withdrawals", "/registrations/token/withdrawals", promoted, answer={"id": "erika"})
        self.seal()

    @property
    def journal(self) -> list[Recorded]:
        return self.remains.journals["events"]

    def record(
        self, type_: str, data: dict[str, Any], *, public: str | None = None, key: UUID | None = None
    ) -> Recorded:
        """One more event, which stands where it should."""
        before = sum(event.aggregate == public for event in self.journal)
        event = Recorded(
            position=len(self.journal) + 1,
            stream=SESSION,
            version=len(self.journal) + 1,
            type=type_,
            data=data,
            command_id=key or uuid4(),
            aggregate=public,
            aggregate_version=before + 1 if public else None,
            recorded_at=NOON + dt.timedelta(seconds=len(self.journal)),
        )
        self.journal.append(event)
        return event

    def ask(
        self, kind: str, path: str, event: Recorded, *, answer: dict[str, Any] | None = None, person: str = ""
    ) -> Attempt:
        """A request that came to this event."""
        asked = Asked(kind, "events", "POST", path, event.command_id, {}, person)
        told = {"id": "s", "version": event.version, "position": event.position} | (answer or {})
        attempt = Attempt(asked, event.position, event.position + 0.5, 200, told, "application/json")
        self.history.attempts.append(attempt)
        self.remains.results["events"][event.command_id] = Result(event.stream, event.version, event.position)
        return attempt

    def register(self, name: str, type_: str) -> Attempt:
        event = self.record(type_, of(name), public=name)
        attempt = self.ask("register", "/sessions/s/registrations", event, person=f"{name}@stadt.example")
        answered = replace(attempt, status=202, answer={"status": "accepted"})
        self.history.attempts[-1] = answered
        return answered

    def seal(self) -> None:
        """Streams and mails as they follow from the journal."""
        chain, previous = [], 0
        for event in self.journal:
            if event.aggregate and event.aggregate_version:
                chain.append(Message(event.id, event.position, previous, event.aggregate, event.aggregate_version))
                previous = event.position
        self.remains.streams = {"events": chain}
        self.remains.mails = [
            Mail(message_id(told), f"{told.registration}@stadt.example", NOON + dt.timedelta(minutes=number))
            for each in walk(self.journal)
            for number, told in enumerate(each.told)
        ]

    def again(self, attempt: Attempt, **other: Any) -> None:
        self.history.attempts.append(replace(attempt, began=90.0, ended=91.0, **other))


def of(name: str) -> dict[str, Any]:
    return {"registration_id": name, "person_id": f"person of {name}"}


def test_nothing_is_wrong_with_a_sound_history() -> None:
    sound = Forgery()
    sound.again(sound.drafted)
    assert broken(sound.history, sound.remains) == []


def test_nothing_is_wrong_with_a_session_that_two_have_cancelled() -> None:
    sound = Forgery()
    cancelled = sound.record("SessionCancelled", {}, public="s")
    sound.ask("cancellations", "/sessions/s/cancellations", cancelled)
    sound.ask("cancellations", "/sessions/s/cancellations", replace(cancelled, command_id=uuid4()))
    sound.seal()
    assert broken(sound.history, sound.remains) == []


def lost(forged: Forgery) -> None:
    """What was answered is not in the journal."""
    del forged.remains.results["events"][forged.drafted.asked.key or uuid4()]


def lost_after_leaving(forged: Forgery) -> None:
    """Erika withdrew and was accepted once more, and nothing was written but the result of the command."""
    asked = replace(forged.erika.asked, key=uuid4())
    forged.history.attempts.append(replace(forged.erika, asked=asked))
    assert asked.key is not None
    last = forged.journal[-1]
    forged.remains.results["events"][asked.key] = Result(SESSION, last.version, last.position)


def cancelled_in_vain(forged: Forgery) -> None:
    """A cancellation was accepted, and the session takes place."""
    last = forged.journal[-1]
    forged.ask("cancellations", "/sessions/s/cancellations", replace(last, command_id=uuid4()))


def lost_registration(forged: Forgery) -> None:
    """Otto was accepted for another session, and nothing was written but the result of the command."""
    asked = replace(forged.otto.asked, key=uuid4(), path="/sessions/t/registrations")
    forged.history.attempts.append(replace(forged.otto, asked=asked))
    assert asked.key is not None
    forged.remains.results["events"][asked.key] = Result("session-t", 6, 6)


def nobody_known(forged: Forgery) -> None:
    """Somebody else was accepted, and nothing was written but the result of the command."""
    asked = replace(forged.erika.asked, key=uuid4(), person="emma@stadt.example")
    forged.history.attempts.append(replace(forged.erika, asked=asked))
    assert asked.key is not None
    forged.remains.results["events"][asked.key] = Result(SESSION, 6, 6)


def never_written(forged: Forgery) -> None:
    """A command is remembered at a version that nobody reached."""
    key = forged.drafted.asked.key
    assert key is not None
    forged.remains.results["events"][key] = Result(SESSION, 99, 99)
    forged.history.attempts[0] = replace(forged.drafted, answer={"id": "s", "version": 99, "position": 99})


def another_outcome(forged: Forgery) -> None:
    forged.again(forged.drafted, answer={"id": "t", "version": 1, "position": 9})


def refused_later(forged: Forgery) -> None:
    forged.again(forged.drafted, status=409, answer={"code": "conflict"}, media_type="application/problem+json")


def refused_and_written(forged: Forgery) -> None:
    forged.history.attempts[0] = replace(
        forged.drafted, status=409, answer={"code": "conflict"}, media_type="application/problem+json"
    )


def recorded_twice(forged: Forgery) -> None:
    forged.record("SessionRevised", NEW, key=forged.drafted.asked.key)


def inner_error(forged: Forgery) -> None:
    forged.again(forged.drafted, status=500, answer={"code": "internal"}, media_type="application/problem+json")


def bare_error(forged: Forgery) -> None:
    forged.again(forged.drafted, status=503, answer=None, media_type="text/plain")


def dead_link(forged: Forgery) -> None:
    look = Asked("look", "events", "GET", "/registrations/token")
    forged.history.attempts.append(
        Attempt(look, 1, 2, 404, {"code": "not_found"}, media_type="application/problem+json")
    )


def hole(forged: Forgery) -> None:
    forged.journal[-1] = replace(forged.journal[-1], position=99)


def hole_in_a_stream(forged: Forgery) -> None:
    forged.journal[-1] = replace(forged.journal[-1], version=99)


def missing_message(forged: Forgery) -> None:
    del forged.remains.streams["events"][1]


def doubled_message(forged: Forgery) -> None:
    forged.remains.streams["events"].append(forged.remains.streams["events"][-1])


def broken_chain(forged: Forgery) -> None:
    messages = forged.remains.streams["events"]
    messages[2] = replace(messages[2], previous=messages[0].position)


def overbooked(forged: Forgery) -> None:
    for name in ("a", "b"):
        forged.register(name, "RegistrationReceived")
    forged.seal()


def twice(forged: Forgery) -> None:
    forged.register("otto-again", "RegistrationWaitlisted")
    forged.journal[-1] = replace(forged.journal[-1], data=of("otto") | {"registration_id": "otto-again"})
    forged.seal()


def out_of_turn(forged: Forgery) -> None:
    for name in ("a", "b"):
        forged.register(name, "RegistrationWaitlisted")
    forged.record("RegistrationWithdrawn", of("otto"), public="otto")
    forged.record("RegistrationPromoted", of("b"), public="b")
    forged.seal()


def empty_seat(forged: Forgery) -> None:
    forged.register("a", "RegistrationWaitlisted")
    forged.record("RegistrationWithdrawn", of("otto"), public="otto")
    forged.seal()


def turned_away(forged: Forgery) -> None:
    forged.record("RegistrationWithdrawn", of("otto"), public="otto")
    forged.register("a", "RegistrationWaitlisted")
    forged.seal()


def doubled_mail(forged: Forgery) -> None:
    mail = forged.remains.mails[0]
    forged.remains.mails.append(replace(mail, received_at=mail.received_at + dt.timedelta(seconds=1)))


def doubled_mail_long_after_the_crash(forged: Forgery) -> None:
    doubled_mail(forged)
    at = NOON.timestamp() - 60
    forged.history.faults.append(Fault("killed", "notify", at, at))


def missing_mail(forged: Forgery) -> None:
    del forged.remains.mails[-1]


def foreign_mail(forged: Forgery) -> None:
    forged.remains.mails.append(Mail("<another@interkommunal.example>", "erika@stadt.example", NOON))


def mails_in_another_order(forged: Forgery) -> None:
    first, *_, last = [mail for mail in forged.remains.mails if mail.to == "otto@stadt.example"]
    forged.remains.mails = [
        replace(mail, received_at={first: last, last: first}.get(mail, mail).received_at)
        for mail in forged.remains.mails
    ]


def mail_to_another(forged: Forgery) -> None:
    forged.remains.mails[0] = replace(forged.remains.mails[0], to="otto@stadt.example")


def other_tables(forged: Forgery) -> None:
    forged.remains.different.append("events.registration")


def dead_letter(forged: Forgery) -> None:
    forged.remains.dead_letters = 1


FORGED: list[tuple[Callable[[Forgery], None], str]] = [
    (lost, "nobody remembers it"),
    (lost_after_leaving, "erika@stadt.example was accepted for s and is not registered"),
    (cancelled_in_vain, "SessionCancelled does not hold"),
    (lost_registration, "otto@stadt.example was accepted for t and is not registered"),
    (nobody_known, "emma@stadt.example was accepted for s and never got a mail"),
    (never_written, "session-s@99 is not in the journal"),
    (another_outcome, "came to"),
    (refused_later, "was done and then refused"),
    (refused_and_written, "was refused and is in the journal"),
    (recorded_twice, "was recorded more than once"),
    (inner_error, "was answered 500"),
    (bare_error, "was answered 503 as text/plain"),
    (dead_link, "was not found"),
    (hole, "positions of events's journal have holes"),
    (hole_in_a_stream, "is version 99 of session-s"),
    (missing_message, "missing ['session-s@3']"),
    (doubled_message, "more than once or foreign ['session-s@6']"),
    (broken_chain, "the chain of events's stream breaks"),
    (overbooked, "overbooks: 3 of 1"),
    (twice, "registers person of otto twice"),
    (out_of_turn, "is not the first in the queue"),
    (empty_seat, "waiting and a seat free"),
    (turned_away, "lets a wait while a seat is free"),
    (doubled_mail, "was sent again though nobody had crashed"),
    (doubled_mail_long_after_the_crash, "was sent again though nobody had crashed"),
    (missing_mail, "was never told of session-s@6"),
    (foreign_mail, "nobody should have been told"),
    (mails_in_another_order, "in another order"),
    (mail_to_another, "otto@stadt.example is"),
    (other_tables, "events.registration is not what the journal makes of it"),
    (dead_letter, "1 dead letters"),
]


@pytest.mark.parametrize(("forge", "found"), FORGED, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_forged_is_found(forge: Callable[[Forgery], None], found: str) -> None:
    forged = Forgery()
    forge(forged)
    assert any(found in each for each in broken(forged.history, forged.remains))


def test_a_crash_explains_one_mail_for_each_connection_that_was_open() -> None:
    forged = Forgery()
    at = NOON.timestamp() + 600
    forged.history.faults.append(Fault("killed", "notify-2", at, at))
    copies = [mail for mail in forged.remains.mails for _ in range(2)][:8]
    forged.remains.mails += [
        replace(mail, received_at=NOON + dt.timedelta(hours=1, seconds=number)) for number, mail in enumerate(copies)
    ]
    assert sum("nobody had crashed" in each for each in broken(forged.history, forged.remains)) == len(copies) - 4


def test_who_left_before_everybody_was_told_need_not_be_told() -> None:
    forged = Forgery()
    forged.ask(
        "cancellations",
        "/sessions/s/cancellations",
        forged.record("SessionCancelled", {}, public="s"),
    )
    forged.record("RegistrationWithdrawn", of("otto"), public="otto")
    forged.seal()
    cancelled = next(told for told in walk(forged.journal)[0].told if told.kind == "cancellation")
    forged.remains.mails = [mail for mail in forged.remains.mails if mail.message_id != message_id(cancelled)]
    assert broken(forged.history, forged.remains) == []
