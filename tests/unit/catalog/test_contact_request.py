"""A text for a contact goes nowhere before its sender has confirmed, and is kept no longer than needed."""

from datetime import timedelta
from typing import Any

import pytest

from services.catalog.contact_address import (
    CONTACT_ADDRESS,
    AddressEvent,
    ContactAddressRemoved,
    ContactAddressSet,
    RemoveContactAddress,
    SetContactAddress,
)
from services.catalog.contact_request import (
    CONTACT_REQUEST,
    About,
    ConfirmContactRequest,
    ContactEvent,
    ContactLinkRequested,
    ContactRequestConfirmed,
    ContactRequestLapsed,
    ContactRequestPassedOn,
    ContactRequestReceived,
    ContactRequestUndeliverable,
    ContactTextForgotten,
    ForgetContactText,
    LetContactRequestLapse,
    ReceiveContactRequest,
    ReportContactRequest,
    publish,
)
from services.catalog.contact_sealing import fingerprint
from shared.contracts import catalog as contracts
from shared.kernel.testing import NOON, given

ID, WHO, ABOUT = "c0ffee00-0000-5000-8000-000000000001", "person", "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11"
DAY = timedelta(hours=24)
NAMED: dict[str, Any] = {"at": NOON, "contact_request_id": ID, "person_id": WHO}
RECEIVE = ReceiveContactRequest(
    contact_request_id=ID,
    request="first",
    about="project",
    about_id=ABOUT,
    person_id=WHO,
    token_hash="hash",
    vault_subject="key",
    sealed="sealed",
)
RECEIVED = ContactRequestReceived(confirm_by=NOON + DAY, at=NOON, **RECEIVE.model_dump())
CONFIRMED = ContactRequestConfirmed(**NAMED, about="project", about_id=ABOUT)
PASSED_ON = ContactRequestPassedOn(**NAMED)
UNDELIVERABLE = ContactRequestUndeliverable(**NAMED)
LAPSED = ContactRequestLapsed(**NAMED, vault_subject="key")
FORGOTTEN = ContactTextForgotten(**NAMED, vault_subject="key", cause="retention")


def past(*events: ContactEvent) -> list[ContactEvent]:
    return list(events)


def kept(*events: AddressEvent) -> list[AddressEvent]:
    return list(events)


def again(request: str) -> ReceiveContactRequest:
    """The same text sent once more."""
    return RECEIVE.model_copy(update={"request": request, "token_hash": "other", "vault_subject": "other"})


def asked(request: str, minutes: int = 0) -> ContactLinkRequested:
    moment = NOON + timedelta(minutes=minutes)
    return ContactLinkRequested(**NAMED | {"at": moment}, request=request, confirm_by=NOON + DAY)


def test_a_text_waits_a_day_for_its_sender() -> None:
    given(CONTACT_REQUEST).when(RECEIVE).then([RECEIVED])


def test_the_same_text_again_sends_the_link_again() -> None:
    given(CONTACT_REQUEST, past(RECEIVED)).when(again("second")).then([asked("second")])


def test_a_link_is_sent_again_three_times_an_hour_at_most() -> None:
    links = [asked(f"link {number}", number) for number in range(3)]
    given(CONTACT_REQUEST, past(RECEIVED, *links)).when(again("fourth"), at=NOON + timedelta(minutes=30)).nothing()
    later = NOON + timedelta(minutes=61)
    given(CONTACT_REQUEST, past(RECEIVED, *links)).when(again("fourth"), at=later).then([asked("fourth", 61)])


@pytest.mark.parametrize(
    "gone", [[CONFIRMED], [CONFIRMED, PASSED_ON], [LAPSED], [FORGOTTEN]], ids=lambda gone: type(gone[-1]).__name__
)
def test_the_same_text_again_comes_to_nothing_once_it_went_its_way(gone: list[ContactEvent]) -> None:
    given(CONTACT_REQUEST, past(RECEIVED, *gone)).when(again("second")).nothing()


def test_the_sender_confirms_once() -> None:
    given(CONTACT_REQUEST, past(RECEIVED)).when(ConfirmContactRequest()).then([CONFIRMED])
    given(CONTACT_REQUEST, past(RECEIVED, CONFIRMED, PASSED_ON, FORGOTTEN)).when(ConfirmContactRequest()).nothing()


@pytest.mark.parametrize("gone", [[LAPSED], [FORGOTTEN]], ids=["lapsed", "forgotten"])
def test_what_is_gone_cannot_be_confirmed(gone: list[ContactEvent]) -> None:
    given(CONTACT_REQUEST, past(RECEIVED, *gone)).when(ConfirmContactRequest()).refused("contact_request_lapsed")


def test_a_day_later_it_is_too_late_to_confirm_though_nobody_has_noticed_yet() -> None:
    given(CONTACT_REQUEST, past(RECEIVED)).when(ConfirmContactRequest(), at=NOON + DAY).refused(
        "contact_request_lapsed"
    )
    just = NOON + DAY - timedelta(seconds=1)
    assert given(CONTACT_REQUEST, past(RECEIVED)).when(ConfirmContactRequest(), at=just).decided


def test_what_nobody_confirmed_lapses_with_its_key() -> None:
    given(CONTACT_REQUEST, past(RECEIVED)).when(LetContactRequestLapse()).nothing()
    lapsed = LAPSED.model_copy(update={"at": NOON + DAY})
    given(CONTACT_REQUEST, past(RECEIVED)).when(LetContactRequestLapse(), at=NOON + DAY).then([lapsed])
    given(CONTACT_REQUEST, past(RECEIVED, CONFIRMED)).when(LetContactRequestLapse(), at=NOON + DAY).nothing()


def test_a_failure_may_follow_a_delivery_and_never_the_other_way_round() -> None:
    arrived, failed = ReportContactRequest(delivered=True), ReportContactRequest(delivered=False)
    given(CONTACT_REQUEST, past(RECEIVED, CONFIRMED)).when(arrived).then([PASSED_ON])
    given(CONTACT_REQUEST, past(RECEIVED, CONFIRMED, PASSED_ON)).when(failed).then([UNDELIVERABLE])
    given(CONTACT_REQUEST, past(RECEIVED, CONFIRMED, UNDELIVERABLE)).when(arrived).nothing()
    given(CONTACT_REQUEST, past(RECEIVED)).when(arrived).nothing()


def test_a_text_is_forgotten_once() -> None:
    confirmed = past(RECEIVED, CONFIRMED, PASSED_ON)
    given(CONTACT_REQUEST, confirmed).when(ForgetContactText(cause="retention")).then([FORGOTTEN])
    given(CONTACT_REQUEST, past(*confirmed, FORGOTTEN)).when(ForgetContactText(cause="erasure")).nothing()


def test_nothing_can_be_done_about_what_was_never_received() -> None:
    given(CONTACT_REQUEST).when(ConfirmContactRequest()).not_there()


@pytest.mark.parametrize(
    ("about", "contract"),
    [
        ("project", contracts.ProjectContactRequested(contact_request_id=ID, person_id=WHO, project_id=ABOUT)),
        (
            "cooperation_request",
            contracts.CooperationRequestContactRequested(
                contact_request_id=ID, person_id=WHO, cooperation_request_id=ABOUT
            ),
        ),
    ],
)
def test_others_learn_what_a_text_is_about_and_nothing_of_what_it_says(
    about: About, contract: contracts.ProjectContactRequested
) -> None:
    published = publish(CONFIRMED.model_copy(update={"about": about}))
    assert published == contract
    assert published.aggregate == f"contact_request/{ID}"
    assert published.subject.endswith(ID)


SET = SetContactAddress(about="project", about_id=ABOUT, person_id=WHO, vault_subject="key", sealed="sealed")
ADDRESS = ContactAddressSet(at=NOON, **SET.model_dump(exclude={"same_as"}))
REMOVED = ContactAddressRemoved(at=NOON, about_id=ABOUT, vault_subject="key", cause="editor")


def test_an_address_is_set_replaced_and_removed() -> None:
    other = SET.model_copy(update={"vault_subject": "other"})
    replaced = ContactAddressSet(at=NOON, replaces="key", **other.model_dump(exclude={"same_as"}))
    after = given(CONTACT_ADDRESS).when(SET).then([ADDRESS]).when(other).then([replaced])
    after.when(RemoveContactAddress(cause="editor")).then([REMOVED.model_copy(update={"vault_subject": "other"})])


def test_the_same_address_stays_with_its_key_and_comes_back_with_another() -> None:
    again = SET.model_copy(update={"vault_subject": "other", "same_as": "key"})
    given(CONTACT_ADDRESS, kept(ADDRESS)).when(again).nothing()
    fresh = ADDRESS.model_copy(update={"vault_subject": "other"})
    given(CONTACT_ADDRESS, kept(ADDRESS, REMOVED)).when(again).then([fresh])


def test_what_is_not_there_is_not_removed() -> None:
    given(CONTACT_ADDRESS).when(RemoveContactAddress(cause="editor")).nothing()
    given(CONTACT_ADDRESS, kept(ADDRESS, REMOVED)).when(RemoveContactAddress(cause="editor")).nothing()


def test_an_erasure_takes_only_the_persons_own_address() -> None:
    given(CONTACT_ADDRESS, kept(ADDRESS)).when(RemoveContactAddress(cause="erasure", person_id="else")).nothing()
    erased = REMOVED.model_copy(update={"cause": "erasure"})
    given(CONTACT_ADDRESS, kept(ADDRESS)).when(RemoveContactAddress(cause="erasure", person_id=WHO)).then([erased])


def test_a_fingerprint_tells_parts_apart() -> None:
    assert fingerprint(b"k", "ab", "c") == fingerprint(b"k", "ab", "c")
    assert len({fingerprint(b"k", "ab", "c"), fingerprint(b"k", "a", "bc"), fingerprint(b"l", "ab", "c")}) == 3
