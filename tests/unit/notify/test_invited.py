"""What is answered to an invitation."""

from services.notify.invited import INVITED, AnswerInvitation, InvitationAccepted, InvitationDeclined, publish
from shared.kernel.testing import NOON, given

WHOSE = {"announcement_id": "0198f0a2-0000-7000-8000-000000000042", "person_id": "0198f0a2-0000-7000-8000-0000000000e1"}
accept = AnswerInvitation(**WHOSE, answer="accepted")
decline = AnswerInvitation(**WHOSE, answer="declined")
accepted = InvitationAccepted(**WHOSE, at=NOON)
declined = InvitationDeclined(**WHOSE, at=NOON)


def test_an_invitation_is_accepted_or_declined() -> None:
    given(INVITED).when(accept).then([accepted])
    given(INVITED).when(decline).then([declined])


def test_who_declined_may_come_after_all() -> None:
    given(INVITED, [declined]).when(accept).then([accepted])


def test_who_accepted_and_withdrew_may_decline() -> None:
    given(INVITED, [accepted]).when(decline).then([declined])


def test_nobody_else_is_told() -> None:
    assert publish(accepted) is None
    assert publish(declined) is None
