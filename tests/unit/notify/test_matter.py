"""Matters, and the causes they tell of: contracts, and what happens in this service alone."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast
from uuid import UUID, uuid5

import pytest
from pydantic import ValidationError

from services.notify import queue
from services.notify.cause import ALL_KINDS
from services.notify.contact_matter import ContactMatter
from services.notify.expansion import PAGE
from services.notify.kind import Kind, Occasion, Priority
from services.notify.matter import Matter, Matters, Unknown
from services.notify.question_matter import QuestionMatter
from services.notify.session_matter import SessionMatter
from shared.contracts.events import SessionPostponed
from shared.contracts.rpc import Registrant, RegistrantsAlike, RegistrantsAnswered
from tests.unit.notify import samples
from tests.unit.notify.samples import STAMP, postponed, session

NOTHING = cast("Any", None)


class ReminderDue(Occasion):
    type: ClassVar[str] = "ikz.notify.example.due.v1"
    session_id: str


class Reminders:
    name = "reminders"
    kinds: ClassVar[Mapping[Any, Kind]] = {
        ReminderDue: Kind("example", Priority.MANY),
        SessionPostponed: Kind("example_moved", Priority.LATER),
    }

    def kind(self, cause: Any) -> Kind:
        return self.kinds[type(cause)]


SESSIONS = SessionMatter(NOTHING, samples.TEXTS, samples.PORTAL, NOTHING, NOTHING, NOTHING)
OTHERS = QuestionMatter(samples.TEXTS, samples.PORTAL, NOTHING), ContactMatter(samples.TEXTS, samples.PORTAL, NOTHING)
MATTERS = Matters([SESSIONS, *OTHERS, cast("Matter[Any]", Reminders())])


def test_several_matters_tell_of_one_cause_as_different_kinds() -> None:
    told = MATTERS.causes[SessionPostponed]
    assert [matter.name for matter in told] == ["sessions", "reminders"]
    assert [matter.kind(postponed()).name for matter in told] == ["postponement", "example_moved"]


def test_what_is_stored_is_read_by_its_matter() -> None:
    due = ReminderDue(session_id="s")
    matter, cause = MATTERS.read("reminders", due.type, due.model_dump(mode="json"))
    assert (matter.name, cause) == ("reminders", due)
    assert MATTERS.read("sessions", SessionPostponed.type, postponed().model_dump(mode="json"))[1] == postponed()


def test_what_an_earlier_version_stored_has_no_name() -> None:
    for contract in ALL_KINDS:
        assert MATTERS.named(None, contract.type).name in {"sessions", "questions", "contacts"}


@pytest.mark.parametrize(
    ("name", "type_"), [("gone", ReminderDue.type), (None, "ikz.x.y.z.v1"), ("questions", SessionPostponed.type)]
)
def test_what_no_matter_of_this_version_knows(name: str | None, type_: str) -> None:
    with pytest.raises(Unknown):
        MATTERS.read(name, type_, {})


def test_a_cause_of_another_shape_is_none() -> None:
    with pytest.raises(ValidationError):
        MATTERS.read("reminders", ReminderDue.type, {})


def test_the_names_of_kinds_are_each_one_matters() -> None:
    """Together with the cause they make a mailing one."""
    names: dict[str, set[str]] = {}
    for matters in MATTERS.causes.values():
        for matter in matters:
            for kind in matter.kinds.values():
                names.setdefault(kind.name, set()).add(matter.name)
    assert all(len(told_by) == 1 for told_by in names.values())


def test_an_id_follows_from_what_makes_a_message_one() -> None:
    (found,) = queue.message_ids(["person"], "session-x@7", STAMP, "postponement")
    name = f"ikz:message:person:session-x@7:{STAMP.isoformat()}:postponement:email"
    assert found == uuid5(UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), name).hex


def test_the_largest_page_fits_into_a_message() -> None:
    ids = {"registration_id": "r" * 36, "person_id": "p" * 36}
    standing: dict[str, Any] = {
        "status": "waitlisted",
        "confirm_by": STAMP.replace(microsecond=1),
        "waiting_position": 99_999,
        "answer_by": STAMP.replace(microsecond=1),
        "unanswered": "stay",
    }
    alone = Registrant(**ids, **standing)
    alike = RegistrantsAlike(registration_ids=(ids["registration_id"],), person_ids=(ids["person_id"],), **standing)
    for each in ({"registrants": (alone,) * PAGE}, {"alike": (alike,) * PAGE}):
        answer = RegistrantsAnswered(session=session(summary="s" * 4000), next="9" * 19, **cast("Any", each))
        assert len(answer.model_dump_json()) + 8 * PAGE < 2**20  # a database writes times and lists a little wider
