"""What can be asked of a subscriber."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.notify.subscriber_events import Card, Ending, Preference, Proof, Rhythm, Times, Wanted


class Asked(BaseModel):
    """A command to one person's stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestSubscriptions(Asked):
    """Somebody wants to hear of these, at this person's address. With a `proof` it is the person who says so."""

    person_id: str
    card: Card
    wanted: tuple[Wanted, ...]
    text_version: str
    confirm_by: datetime
    proof: Proof | None = None


class ConfirmSubscriptions(Asked):
    """The person confirms these; without any, all that wait for it."""

    subscription_ids: tuple[str, ...] = ()


class RenewSubscriptions(Asked):
    """The person wants these again after all."""

    subscription_ids: tuple[str, ...]


class EndSubscriptions(Asked):
    """The person wants these no more; without any, none at all."""

    subscription_ids: tuple[str, ...] = ()
    ending: Ending = "page"


class ChangeRhythm(Asked):
    """How often one of them is told of."""

    subscription_id: str
    rhythm: Rhythm | None


class ChangePreferences(Asked):
    """What differs from the default, and when messages suit."""

    preferences: tuple[Preference, ...]
    times: Times


class RefuseKind(Asked):
    """The person wants no more mail of this kind, whether or not they ever subscribed to anything."""

    person_id: str
    kind: str


class PauseMessages(Asked):
    """Nothing for a while, or until further notice."""

    until: datetime | None


class ResumeMessages(Asked):
    """As before the pause."""


class AskForLink(Asked):
    """Somebody wants the link to the person's page sent to the person."""


class LetTimePass(Asked):
    """What nobody confirmed in time lapses."""


class ForgetSubscriptions(Asked):
    """These were kept long enough."""

    subscription_ids: tuple[str, ...]


class EraseSubscriber(Asked):
    """The person is to be forgotten."""


type SubscriberCommand = (
    RequestSubscriptions
    | ConfirmSubscriptions
    | RenewSubscriptions
    | EndSubscriptions
    | ChangeRhythm
    | ChangePreferences
    | RefuseKind
    | PauseMessages
    | ResumeMessages
    | AskForLink
    | LetTimePass
    | ForgetSubscriptions
    | EraseSubscriber
)
