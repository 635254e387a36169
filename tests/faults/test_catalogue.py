"""What the checker of the storms finds in forged histories of the catalogue, and nothing in a sound one."""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.faults import catalogue
from tests.faults.checker import broken, message_id
from tests.faults.desk import CONTACT, ROWS, title_of
from tests.faults.history import Asked, Attempt, Fault, History
from tests.faults.remains import Mail, Message, Recorded, Remains, Result

NOON = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
SERVICES = ("catalog", "events", "notify", "gateway")
ERIKA, OTTO = "bleibt@stadt.example", "geht@stadt.example"
FILE = b"%PDF-1.7 Schaden"
PROBLEM = "application/problem+json"


class Forgery:
    """Erika's text was passed on, Otto wrote and was forgotten; a file, an import, a pair, a topic that was merged."""

    def __init__(self) -> None:
        self.history = History()
        self.remains = Remains(
            journals={service: [] for service in SERVICES},
            results={service: {} for service in SERVICES},
            forgotten={service: {"otto"} for service in SERVICES},
            kept={"erika", "contact"},
            topics={"b": "c", "a": "c"},
            found=[ROWS, ROWS],
        )
        self.record("contact_address-p", "ContactAddressSet", {"about_id": "p", "person_id": "contact"})
        self.written = self.write("erika", ERIKA)
        self.confirmed = self.confirm("erika", ERIKA)
        self.end("erika", "ContactRequestPassedOn")
        self.write("otto", OTTO)
        self.forget()
        self.attached = self.ask("attach", "/projects/p/documents?", self.draft("p", "Schaden"), body=FILE)
        self.ask("attach", "/projects/p/documents?", self.draft("p", "Schaden"), body=FILE)
        self.remains.downloads = {"p": [hashlib.sha256(FILE).hexdigest()]}
        self.importing()
        for number, kind in (("seek", "seek_partners"), ("offer", "offer")):
            self.record(
                f"request-{number}", "CooperationRequestOpened", {"cooperation_request_id": number, "kind": kind}
            )
        self.match()
        for topic, into in (("a", "b"), ("b", "c")):
            self.record(f"topic-{topic}", "TopicMerged", {"topic": topic, "into": into})
        self.seal()

    @property
    def journal(self) -> list[Recorded]:
        return self.remains.journals["catalog"]

    def record(
        self, stream: str, type_: str, data: dict[str, Any], *, service: str = "catalog", public: bool = False
    ) -> Recorded:
        """One more event, which stands where it should."""
        journal, aggregate = self.remains.journals[service], stream.replace("-", "/", 1)
        event = Recorded(
            position=len(journal) + 1,
            stream=stream,
            version=1 + sum(each.stream == stream for each in journal),
            type=type_,
            data=data,
            command_id=uuid4(),
            aggregate=aggregate if public else None,
            aggregate_version=1 + sum(each.aggregate == aggregate for each in journal) if public else None,
            recorded_at=NOON + dt.timedelta(seconds=len(journal)),
        )
        journal.append(event)
        return event

    def ask(self, kind: str, path: str, event: Recorded, *, body: Any = None, person: str = "", **told: Any) -> Attempt:
        """A request that came to this event."""
        asked = Asked(kind, "catalog", "POST", path, event.command_id, body, person)
        answer = {"id": "p", "version": event.version, "position": event.position} | told
        began = float(len(self.history.attempts))
        attempt = Attempt(asked, began, began + 0.5, 200, answer, "application/json")
        self.history.attempts.append(attempt)
        self.remains.results["catalog"][event.command_id] = Result(event.stream, event.version, event.position)
        return attempt

    def write(self, name: str, address: str) -> Attempt:
        data = {"contact_request_id": name, "person_id": name}
        event = self.record(f"contact_request-{name}", "ContactRequestReceived", data, public=True)
        return self.ask("write", "/projects/p/contact-requests", event, person=address)

    def confirm(self, name: str, address: str) -> Attempt:
        data = {"contact_request_id": name, "person_id": name, "about_id": "p"}
        event = self.record(f"contact_request-{name}", "ContactRequestConfirmed", data, public=True)
        return self.ask("confirm_text", "/contact-requests/token/confirmations", event, person=address)

    def end(self, name: str, type_: str) -> None:
        self.record(f"contact_request-{name}", type_, {"contact_request_id": name, "person_id": name})

    def forget(self) -> None:
        event = self.record("person-otto", "PersonErased", {"person_id": "otto"}, service="gateway", public=True)
        asked = Asked("forget", "gateway", "POST", "/people/erasures", event.command_id, {}, OTTO)
        began = float(len(self.history.attempts))
        self.history.attempts.append(Attempt(asked, began, began + 0.5, 200, {"erased": True}, "application/json"))
        self.remains.results["gateway"][event.command_id] = Result(event.stream, event.version, event.position)

    def draft(self, project: str, title: str, type_: str = "ProjectDrafted") -> Recorded:
        return self.record(f"project-{project}", type_, {"project_id": project, "content": {"title": title}})

    def importing(self) -> None:
        begun = self.record("project_import-i", "ImportBegun", {"import_id": "i"})
        self.imported = self.ask("import", "/projects/imports", begun, person="office", id="i", status="running")
        for number in range(ROWS):
            for type_ in ("ProjectDrafted", "ProjectPublished"):
                self.draft(f"row-{number}", title_of("office", number), type_)
        self.record("project_import-i", "ImportFinished", {"import_id": "i"})

    def match(self) -> None:
        data = {"cooperation_request_id": "offer", "matched_request_id": "seek"}
        self.record("request-offer", "CooperationRequestMatched", data)

    def seal(self) -> None:
        """Streams and mails as they follow from the journals."""
        for service, journal in self.remains.journals.items():
            chain, previous = [], 0
            for event in journal:
                if event.aggregate and event.aggregate_version:
                    chain.append(Message(event.id, event.position, previous, event.aggregate, event.aggregate_version))
                    previous = event.position
            self.remains.streams[service] = chain
        self.remains.mails = [
            Mail(message_id(told), CONTACT if told.person == "contact" else told.person, NOON)
            for told in catalogue.told(self.remains)
            if told.surely
        ]

    def without(self, type_: str) -> None:
        """Nothing of this kind was ever recorded."""
        kept = [event for event in self.journal if event.type != type_]
        self.remains.journals["catalog"] = [replace(event, position=n) for n, event in enumerate(kept, 1)]


def test_nothing_is_wrong_with_a_sound_history() -> None:
    sound = Forgery()
    again = replace(sound.imported, began=90.0, ended=91.0, answer=sound.imported.answer | {"status": "finished"})
    sound.history.attempts.append(again)
    assert broken(sound.history, sound.remains) == []


def passed_on_twice(forged: Forgery) -> None:
    forged.confirm("erika", ERIKA)
    forged.seal()
    forged.remains.mails.append(Mail("<another@interkommunal.example>", CONTACT, NOON))


def mailed_twice(forged: Forgery) -> None:
    forged.remains.mails.append(replace(forged.remains.mails[1], received_at=NOON + dt.timedelta(minutes=1)))


def never_passed_on(forged: Forgery) -> None:
    del forged.remains.mails[-1]


def no_link(forged: Forgery) -> None:
    del forged.remains.mails[0]


def reported_twice(forged: Forgery) -> None:
    forged.end("erika", "ContactRequestPassedOn")


def never_reported(forged: Forgery) -> None:
    forged.without("ContactRequestPassedOn")


def confirmed_in_vain(forged: Forgery) -> None:
    forged.without("ContactRequestConfirmed")


def written_in_vain(forged: Forgery) -> None:
    del forged.remains.results["catalog"][forged.written.asked.key or uuid4()]


def link_that_leads_nowhere(forged: Forgery) -> None:
    problem = {"code": "not_found"}
    forged.history.attempts.append(
        replace(forged.confirmed, began=90.0, ended=91.0, status=404, answer=problem, media_type=PROBLEM)
    )


def not_erased(forged: Forgery) -> None:
    forged.remains.journals["gateway"] = []


def known_elsewhere(forged: Forgery) -> None:
    forged.remains.forgotten["notify"] = set()


def kept_in_a_table(forged: Forgery) -> None:
    forged.remains.kept.add("otto")


def file_lost(forged: Forgery) -> None:
    forged.remains.downloads["p"] = ["answered 404"]


def file_listed_twice(forged: Forgery) -> None:
    forged.remains.downloads["p"] *= 2


def foreign_file(forged: Forgery) -> None:
    forged.remains.downloads["p"].append("another")


def row_twice(forged: Forgery) -> None:
    forged.draft("more", title_of("office", 0))


def row_lost(forged: Forgery) -> None:
    forged.without("ProjectPublished")


def import_without_end(forged: Forgery) -> None:
    forged.without("ImportFinished")


def another_import(forged: Forgery) -> None:
    forged.history.attempts.append(replace(forged.imported, began=90.0, ended=91.0, answer={"id": "j"}))


def pair_twice(forged: Forgery) -> None:
    data = {"cooperation_request_id": "seek", "matched_request_id": "offer"}
    forged.record("request-seek", "CooperationRequestMatched", data)


def no_pair(forged: Forgery) -> None:
    forged.without("CooperationRequestMatched")


def topics_elsewhere(forged: Forgery) -> None:
    forged.remains.topics["a"] = "b"


def not_found(forged: Forgery) -> None:
    forged.remains.found[1] -= 1


FORGED: list[tuple[Callable[[Forgery], None], str]] = [
    (passed_on_twice, f"(to {CONTACT})"),
    (mailed_twice, "was sent again though nobody had crashed"),
    (never_passed_on, "(contact_passed_on)"),
    (no_link, "(contact_confirmation)"),
    (reported_twice, "the text erika ended as"),
    (never_reported, "nobody knows whether the text erika was passed on"),
    (confirmed_in_vain, "the journal knows nothing of it"),
    (written_in_vain, "nobody remembers it"),
    (link_that_leads_nowhere, "was not found"),
    (not_erased, "geht@stadt.example wrote, was forgotten afterwards, and is known as otto"),
    (known_elsewhere, "notify has not forgotten otto"),
    (kept_in_a_table, "otto was erased and is kept"),
    (file_lost, "is listed 0 times"),
    (file_listed_twice, "is listed 2 times"),
    (foreign_file, "lists what nobody sent: ['another']"),
    (row_twice, "was drafted and published [2, 1] times"),
    (row_lost, "was drafted and published [1, 0] times"),
    (import_without_end, "the import i never ended"),
    (another_import, "came to"),
    (pair_twice, "were told of each other 2 times"),
    (no_pair, "of each other"),
    (topics_elsewhere, "events takes topics for"),
    (not_found, f"the search finds [{ROWS}, {ROWS - 1}] of {ROWS}"),
]


@pytest.mark.parametrize(("forge", "found"), FORGED, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_forged_is_found(forge: Callable[[Forgery], None], found: str) -> None:
    forged = Forgery()
    forge(forged)
    assert any(found in each for each in broken(forged.history, forged.remains))


def test_who_was_forgotten_need_not_be_known_any_more() -> None:
    forged = Forgery()
    asked = Asked("write", "catalog", "POST", "/projects/p/contact-requests", UUID(int=1), {}, OTTO)
    forged.history.attempts.append(Attempt(asked, 90.0, 91.0, 202, {"status": "accepted"}, "application/json"))
    link = Asked("confirm_text", "catalog", "POST", "/contact-requests/x/confirmations", UUID(int=2), {}, OTTO)
    problem = {"code": "not_found"}
    forged.history.attempts.append(Attempt(link, 92.0, 93.0, 404, problem, PROBLEM))
    assert broken(forged.history, forged.remains) == []


def test_a_crash_explains_a_second_mail_to_a_contact() -> None:
    forged = Forgery()
    at = NOON.timestamp() + 30
    forged.history.faults.append(Fault("killed", "notify", at, at))
    mailed_twice(forged)
    assert broken(forged.history, forged.remains) == []
