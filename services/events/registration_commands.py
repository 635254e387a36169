"""What may be asked about one person's part in a session: registering, changing, confirming, withdrawing, erasing."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from services.events.registration_events import Cause, Entry
from services.events.registration_questions import RegistrationQuestion


class ForRegistration(BaseModel):
    """A command about one person's part in a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stating(ForRegistration):
    """What somebody says about themselves, sealed, and the questions that were asked.

    `sealed_for_days` are answers that are kept for so many days after the session, and not as the registration.
    """

    registration_id: str
    sealed: str
    sealed_answers: str | None = None
    sealed_for_days: Mapping[str, str] = {}
    organisation_id: str | None = None
    questions: tuple[RegistrationQuestion, ...] = ()


class RegisterParticipant(Stating):
    """A person asks for a place. What is personal comes sealed; the link's token also as its SHA-256 (hex).

    An organiser vouches for the address (`member`), or leaves it to the person to confirm it.
    """

    person_id: str
    member: bool
    token_hash: str
    entry: Entry = "self"


class ChangeRegistration(Stating):
    """Other words about oneself. `change` is this request, `seen` the change before it that the person saw."""

    change: str
    seen: str


class ConfirmRegistration(ForRegistration):
    """A guest followed the link and pressed the button."""

    registration_id: str


class WithdrawRegistration(ForRegistration):
    """The place is given back."""

    registration_id: str
    cause: Cause = "participant"


class EraseParticipant(ForRegistration):
    """The person is forgotten: a place that is still held becomes free."""

    person_id: str


type RegistrationCommand = (
    RegisterParticipant | ChangeRegistration | ConfirmRegistration | WithdrawRegistration | EraseParticipant
)
