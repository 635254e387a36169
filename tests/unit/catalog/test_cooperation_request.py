"""Cooperation requests are open for a while, say what is sought, and find each other."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.catalog.cooperation_match import ENOUGH, FITS, Place, Score, Side, distance_km, score
from services.catalog.cooperation_request import (
    COOPERATION_REQUEST,
    CloseRequest,
    CooperationEvent,
    CooperationRequestClosed,
    CooperationRequestEdited,
    CooperationRequestExpiring,
    CooperationRequestExtended,
    CooperationRequestMatched,
    CooperationRequestOpened,
    EditRequest,
    ExtendRequest,
    Kind,
    LetRequestAge,
    OpenRequest,
    Outcome,
    RecordMatch,
    Wish,
    due_at,
    months_after,
)
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import LegalForm
from shared.kernel.testing import NOON, fold, given

ID, OTHER = "0195f0a0-3333-7aaa-8bbb-000000000003", "0195f0a0-3333-7aaa-8bbb-000000000004"
ENSE, WELVER = "00000000-0000-5000-8000-000000000001", "00000000-0000-5000-8000-000000000002"
TODAY = NOON.date()
IN_HALF_A_YEAR = dt.date(2026, 1, 1)


def wish(**fields: Any) -> Wish:
    return Wish(**{"title": "Bauhof", "text": "Wir suchen Nachbarn.", "topics": ("works_depot",)} | fields)


OPEN = OpenRequest(cooperation_request_id=ID, kind=Kind.SEEK_PARTNERS, organisation_id=ENSE, wish=wish())
OPENED = CooperationRequestOpened(
    at=NOON,
    cooperation_request_id=ID,
    kind=Kind.SEEK_PARTNERS,
    organisation_id=ENSE,
    wish=wish(),
    expires_on=IN_HALF_A_YEAR,
)
MATCHED = CooperationRequestMatched(at=NOON, cooperation_request_id=ID, matched_request_id=OTHER, score=72)
EXPIRING = CooperationRequestExpiring(
    at=NOON, cooperation_request_id=ID, title="Bauhof", organisation_id=ENSE, expires_on=IN_HALF_A_YEAR
)


def past(*events: CooperationEvent) -> list[CooperationEvent]:
    return list(events)


def closed(outcome: Outcome = Outcome.WITHDRAWN, **more: Any) -> CooperationRequestClosed:
    return CooperationRequestClosed(
        at=NOON, cooperation_request_id=ID, title="Bauhof", organisation_id=ENSE, outcome=outcome, **more
    )


def midnight(day: dt.date, hours: float = 0) -> dt.datetime:
    """So many hours after a day's begin in Germany, in winter."""
    return dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(hours=hours - 1)


def test_a_request_is_open_for_half_a_year_unless_it_says_otherwise() -> None:
    given(COOPERATION_REQUEST).when(OPEN).then([OPENED])
    soon = OPEN.model_copy(update={"expires_on": TODAY + dt.timedelta(days=1)})
    given(COOPERATION_REQUEST).when(soon).then([OPENED.model_copy(update={"expires_on": soon.expires_on})])


@pytest.mark.parametrize(
    ("expires_on", "code"),
    [(TODAY, "expiry_in_past"), (dt.date(2026, 7, 2), "expiry_too_far"), (dt.date(1999, 1, 1), "expiry_in_past")],
)
def test_the_last_day_is_after_today_and_within_a_year(expires_on: dt.date, code: str) -> None:
    dated = OPEN.model_copy(update={"expires_on": expires_on})
    given(COOPERATION_REQUEST).when(dated).refused(code, field="/expires_on")
    given(COOPERATION_REQUEST, past(OPENED)).when(ExtendRequest(expires_on=expires_on)).refused(code)


def test_an_id_means_one_request() -> None:
    other = OPEN.model_copy(update={"kind": Kind.OFFER})
    given(COOPERATION_REQUEST, past(OPENED)).when(other).refused("cooperation_request_exists")


@pytest.mark.parametrize(
    ("topics", "code"), [(("a1", "b1", "c1", "d1"), "too_many_topics"), (("a1", "a1"), "topic_twice")]
)
def test_a_request_has_three_topics_at_most_each_once(topics: tuple[str, ...], code: str) -> None:
    given(COOPERATION_REQUEST).when(OPEN.model_copy(update={"wish": wish(topics=topics)})).refused(code)
    given(COOPERATION_REQUEST, past(OPENED)).when(EditRequest(wish=wish(topics=topics))).refused(code)


def test_a_request_is_edited() -> None:
    edited = CooperationRequestEdited(at=NOON, cooperation_request_id=ID, wish=wish(title="Zwei Bauhöfe"))
    given(COOPERATION_REQUEST, past(OPENED)).when(EditRequest(wish=wish(title="Zwei Bauhöfe"))).then([edited])
    given(COOPERATION_REQUEST, past(OPENED)).when(EditRequest(wish=wish())).nothing()


def test_a_request_is_extended_and_never_shortened() -> None:
    later, earlier = dt.date(2026, 2, 1), dt.date(2025, 12, 1)
    extended = CooperationRequestExtended(at=NOON, cooperation_request_id=ID, expires_on=later)
    given(COOPERATION_REQUEST, past(OPENED)).when(ExtendRequest(expires_on=later)).then([extended])
    given(COOPERATION_REQUEST, past(OPENED)).when(ExtendRequest(expires_on=earlier)).refused("expiry_not_later")


def test_a_request_is_closed_with_its_outcome() -> None:
    command = CloseRequest(outcome=Outcome.PARTNER_FOUND, project_id=OTHER, note="Mit Welver.")
    event = closed(Outcome.PARTNER_FOUND, project_id=OTHER, note="Mit Welver.")
    given(COOPERATION_REQUEST, past(OPENED)).when(command).then([event])
    withdrawn = CloseRequest(outcome=Outcome.WITHDRAWN)
    given(COOPERATION_REQUEST, past(OPENED, event)).when(withdrawn).refused("cooperation_request_closed")
    with_project = CloseRequest(outcome=Outcome.WITHDRAWN, project_id=OTHER)
    given(COOPERATION_REQUEST, past(OPENED)).when(with_project).refused("no_partner_found")


@pytest.mark.parametrize("command", [EditRequest(wish=wish(title="Neu")), ExtendRequest(expires_on=TODAY)])
def test_a_closed_request_stays_as_it_is(command: EditRequest | ExtendRequest) -> None:
    given(COOPERATION_REQUEST, past(OPENED, closed())).when(command).refused("cooperation_request_closed")


def test_a_pair_is_recorded_once_and_only_while_the_request_is_open() -> None:
    command = RecordMatch(matched_request_id=OTHER, score=72)
    given(COOPERATION_REQUEST, past(OPENED)).when(command).then([MATCHED])
    given(COOPERATION_REQUEST, past(OPENED, MATCHED)).when(command.model_copy(update={"score": 90})).nothing()
    given(COOPERATION_REQUEST, past(OPENED, closed())).when(command).nothing()


def test_a_reminder_comes_two_weeks_before_the_end_and_then_the_end() -> None:
    reminded = midnight(IN_HALF_A_YEAR - dt.timedelta(days=14))
    ended = midnight(IN_HALF_A_YEAR + dt.timedelta(days=1))
    before = reminded - dt.timedelta(seconds=1)
    given(COOPERATION_REQUEST, past(OPENED)).when(LetRequestAge(), at=before).nothing()
    expiring = EXPIRING.model_copy(update={"at": reminded})
    given(COOPERATION_REQUEST, past(OPENED)).when(LetRequestAge(), at=reminded).then([expiring])
    last_moment = ended - dt.timedelta(seconds=1)
    given(COOPERATION_REQUEST, past(OPENED, EXPIRING)).when(LetRequestAge(), at=last_moment).nothing()
    over = closed(Outcome.EXPIRED).model_copy(update={"at": ended})
    given(COOPERATION_REQUEST, past(OPENED, EXPIRING)).when(LetRequestAge(), at=ended).then([over])
    given(COOPERATION_REQUEST, past(OPENED)).when(LetRequestAge(), at=ended).then([over])
    given(COOPERATION_REQUEST).when(LetRequestAge()).not_there()


def test_whoever_chose_a_near_end_is_not_reminded_of_it_and_an_extension_brings_a_reminder_of_its_own() -> None:
    near = OPENED.model_copy(update={"expires_on": TODAY + dt.timedelta(days=14)})
    given(COOPERATION_REQUEST, past(near)).when(LetRequestAge(), at=NOON + dt.timedelta(days=10)).nothing()
    later = dt.date(2026, 2, 1)
    extended = CooperationRequestExtended(at=NOON, cooperation_request_id=ID, expires_on=later)
    again = midnight(later - dt.timedelta(days=14))
    reminder = EXPIRING.model_copy(update={"at": again, "expires_on": later})
    given(COOPERATION_REQUEST, past(OPENED, EXPIRING, extended)).when(LetRequestAge(), at=again).then([reminder])


def test_what_is_due_is_what_time_does() -> None:
    """The clock asks for what is due: were that another moment, it would ask for ever, or never."""
    histories: list[list[CooperationEvent]] = [[OPENED], [OPENED, EXPIRING], [OPENED, MATCHED]]
    for history in histories:
        state = fold(COOPERATION_REQUEST, history)
        assert state is not None
        due = due_at(state)
        assert due is not None
        assert given(COOPERATION_REQUEST, history).when(LetRequestAge(), at=due).decided
        assert not given(COOPERATION_REQUEST, history).when(LetRequestAge(), at=due - dt.timedelta(seconds=1)).decided
    over = fold(COOPERATION_REQUEST, past(OPENED, closed()))
    assert over is not None
    assert due_at(over) is None


@for_all(st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)), st.integers(0, 30))
def test_months_later_is_the_same_day_or_the_last_of_the_month(start: dt.date, months: int) -> None:
    later = months_after(start, months)
    assert (later.year * 12 + later.month) - (start.year * 12 + start.month) == months
    assert later.day == start.day or (later.day < start.day and (later + dt.timedelta(days=1)).day == 1)


HERE, NEAR, FAR = Place(51.5, 8.0), Place(51.5, 8.2), Place(50.6, 6.2)


def side(
    kind: Kind = Kind.SEEK_PARTNERS,
    organisation_id: str = ENSE,
    place: Place = HERE,
    size: SizeClass | None = None,
    **said: Any,
) -> Side:
    return Side(kind, organisation_id, wish(**said), place, size)


def scored(one: Side, other: Side) -> Score:
    found = score(one, other)
    assert found is not None
    return found


def codes(found: Score) -> dict[str, int]:
    return {reason.code: reason.points for reason in found.reasons}


def test_a_pair_shares_a_topic_and_has_two_organisations() -> None:
    assert score(side(), side(organisation_id=WELVER)) is not None
    assert score(side(), side()) is None
    assert score(side(), side(organisation_id=WELVER, topics=("treasury",))) is None


@pytest.mark.parametrize("one", Kind)
@pytest.mark.parametrize("other", Kind)
def test_who_seeks_fits_who_offers(one: Kind, other: Kind) -> None:
    fits = score(side(one), side(other, WELVER)) is not None
    assert fits == (Kind.SEEK_PARTNERS in {one, other} or one == other == Kind.SHARE_SPECIALIST)
    assert (one in FITS[other]) == (other in FITS[one])


def test_a_radius_is_kept_to_from_either_side() -> None:
    far = side(organisation_id=WELVER, place=FAR)
    assert score(side(), far) is not None
    assert score(side(radius_km=100), far) is None
    assert score(far, side(radius_km=100)) is None
    assert score(side(radius_km=100), side(organisation_id=WELVER, place=Place())) is not None


def test_near_is_better_than_far_and_more_topics_better_than_one() -> None:
    near, far = side(organisation_id=WELVER, place=NEAR), side(organisation_id=WELVER, place=FAR)
    assert scored(side(), near).points > scored(side(), far).points
    assert scored(side(), near).distance_km == pytest.approx(13.8, abs=0.1)
    both = ("works_depot", "treasury")
    assert scored(side(topics=both), side(organisation_id=WELVER, topics=both)).points == 75
    assert scored(side(), far).points < ENOUGH < scored(side(), near).points


def test_a_size_counts_half_from_either_side() -> None:
    small, large = SizeClass.RURAL_MUNICIPALITY, SizeClass.LARGER_CITY
    alike = scored(side(size=small), side(organisation_id=WELVER, size=SizeClass.SMALLER_SMALL_TOWN))
    assert codes(alike)["size"] == 15
    assert codes(scored(side(size=small), side(organisation_id=WELVER, size=large)))["size"] == 0
    wanted = side(size=small, size_classes=(large,))
    assert codes(scored(wanted, side(organisation_id=WELVER, size=large)))["size"] == 8
    assert codes(scored(side(size=small), side(organisation_id=WELVER)))["size_unknown"] == 0


def test_a_legal_form_in_common_counts() -> None:
    forms = (LegalForm.SPECIAL_PURPOSE_ASSOCIATION,)
    one, other = side(legal_forms=forms), side(organisation_id=WELVER, legal_forms=forms)
    assert codes(scored(one, other))["legal_form"] == 5
    third = side(organisation_id=WELVER, legal_forms=(LegalForm.WORKING_GROUP,))
    assert codes(scored(one, third))["legal_form"] == 0
    assert "legal_form" not in codes(scored(one, side(organisation_id=WELVER)))


PLACES = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180)) | st.just(Place())
SIDES = st.builds(
    side,
    st.sampled_from(Kind),
    st.sampled_from([ENSE, WELVER]),
    PLACES,
    st.none() | st.sampled_from(SizeClass),
    topics=st.sampled_from([("works_depot",), ("treasury", "works_depot"), ("treasury",)]),
    radius_km=st.none() | st.integers(1, 1000),
    size_classes=st.sampled_from([(), (SizeClass.LARGER_CITY,)]),
    legal_forms=st.sampled_from([(), (LegalForm.WORKING_GROUP,)]),
)


@for_all(SIDES, SIDES)
def test_a_score_is_the_same_from_either_side_and_explains_itself(one: Side, other: Side) -> None:
    found, turned = score(one, other), score(other, one)
    assert (found is None) == (turned is None)
    if found and turned:
        assert found.points == turned.points == sum(reason.points for reason in found.reasons) <= 100
        assert found.distance_km == turned.distance_km


def test_a_distance_needs_both_places() -> None:
    assert distance_km(HERE, Place()) is None
    assert distance_km(HERE, HERE) == 0
