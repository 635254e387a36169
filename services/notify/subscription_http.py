"""Subscriptions over HTTP: what the gateway brings of people it knows, and one click that ends them.

The page of one's own is `own_subscriptions_http.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify import subscriber_sealing, subscription_consent, subscription_wishes
from services.notify.subscriber import SUBSCRIBER
from services.notify.subscriber_commands import (
    AskForLink,
    EndSubscriptions,
    RefuseKind,
    RequestSubscriptions,
    SubscriberCommand,
)
from services.notify.subscription_wishes import Owners, Wishes
from services.notify.unsubscribing import Naming, Unsubscribing
from services.notify.wished_kinds import WISHED
from shared.kernel.decider import NotThere
from shared.kernel.endpoint import Upload
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.journal import Journal
from shared.kernel.problems import Problem
from shared.kernel.texts import Id
from shared.kernel.vault import Erased, Vault

API = "/api/v1/subscriptions"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
# What a mail program sends (RFC 8058), and whatever else comes: the address alone says what is meant.
ONE_CLICK = Upload(
    (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
        "application/json",
        "application/octet-stream",
    ),
    4096,
)

type SubscriberEmail = Annotated[str, StringConstraints(min_length=3, max_length=254)]


class Body(BaseModel):
    """What a request says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WishesBody(Body):
    """What somebody wants to hear of."""

    subscriptions: Wishes


class SubscriptionRequestBody(WishesBody):
    """It, and who: `proven` when the person signed in with this address."""

    person_id: Id
    email: SubscriberEmail
    proven: bool = False


class SubscriptionLinkBody(Body):
    """Whose page the link leads to."""

    person_id: Id


class SubscriptionCheck(BaseModel):
    """Everybody can subscribe to it; the words that whoever does agrees to."""

    model_config = ConfigDict(frozen=True)

    text_version: str = subscription_consent.CURRENT


LINK_SENT = "Gibt es zu dieser E-Mail-Adresse Abonnements, haben wir den Link dorthin gesendet."


class SubscriptionTaken(BaseModel):
    """The same for everybody: what comes of it is said in the mail alone."""

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted"] = "accepted"
    detail: str = "Wir haben eine E-Mail an die angegebene Adresse gesendet. Bitte folgen Sie dem Link darin."


class UnsubscribeLink(BaseModel):
    """What a link in a mail ends: one subscription, every one, or a kind of message (`label` is what it is called)."""

    model_config = ConfigDict(frozen=True)

    what: Literal["subscription", "all", "kind"]
    label: str | None = Field(default=None, examples=["Arbeitshilfen"])


class Unsubscribed(BaseModel):
    """It has ended, now or before."""

    model_config = ConfigDict(frozen=True)

    status: Literal["unsubscribed"] = "unsubscribed"


class KindOffered(BaseModel):
    """A kind of message that people choose. `by_itself`: one may subscribe to all of it."""

    model_config = ConfigDict(frozen=True)

    kind: str
    label: str
    by_itself: bool


class SubscriptionOffer(BaseModel):
    """Kinds of message, and the words that whoever subscribes agrees to."""

    model_config = ConfigDict(frozen=True)

    kinds: tuple[KindOffered, ...]
    text_version: str
    text: str


OFFER = SubscriptionOffer(
    kinds=tuple(KindOffered(kind=kind, label=one.label, by_itself=one.by_itself) for kind, one in WISHED.items()),
    text_version=subscription_consent.CURRENT,
    text=subscription_consent.TEXTS[subscription_consent.CURRENT],
)


@dataclass(frozen=True, slots=True)
class Intake:
    """What the handlers work with. `mark_key` marks searches, `confirm_within` is how long a request waits."""

    journal: Journal
    vault: Vault
    owners: Owners
    unsubscribing: Unsubscribing
    mark_key: bytes
    confirm_within: timedelta

    async def offer(self, _call: Call) -> Answer:
        """Which kinds there are, and what is agreed to."""
        return Answer(OFFER)

    async def check(self, call: Call) -> Answer:
        """Whether anybody could subscribe to it; nothing is kept, and nothing is asked of a person."""
        await subscription_wishes.looked_up(self.owners, call.body.subscriptions)
        return Answer(SubscriptionCheck())

    async def take(self, call: Call) -> Answer:
        """Takes it; the answer tells nothing of anybody."""
        body: SubscriptionRequestBody = call.body
        context = call.context()
        if await self.journal.outcome(context) is None:
            searches = await subscription_wishes.looked_up(self.owners, body.subscriptions)
            try:
                command = RequestSubscriptions(
                    person_id=body.person_id,
                    card=await subscriber_sealing.new_card(self.vault, body.person_id, body.email),
                    wanted=await subscription_wishes.wanted(
                        self.vault, self.mark_key, body.person_id, body.subscriptions, searches
                    ),
                    text_version=subscription_consent.CURRENT,
                    confirm_by=call.at + self.confirm_within,
                    proof="sign_in" if body.proven else None,
                )
                await self.journal.transact(SUBSCRIBER, body.person_id, command, context)
            except (Erased, NotThere):  # whoever is forgotten is answered like everybody else
                pass
        return Answer(SubscriptionTaken())

    async def send_link(self, call: Call) -> Answer:
        """Has the link sent once more to whom it may concern."""
        await self._quietly(call.body.person_id, AskForLink(), call)
        return Answer(SubscriptionTaken(detail=LINK_SENT))

    async def show_link(self, call: Call) -> Answer:
        """What the link in a mail ends; looking at it changes nothing."""
        naming = self._naming(call)
        if naming.kind is not None:
            return Answer(UnsubscribeLink(what="kind", label=WISHED[naming.kind].label), headers=PRIVATE)
        return Answer(UnsubscribeLink(what="subscription" if naming.subscription_id else "all"), headers=PRIVATE)

    async def unsubscribe(self, call: Call) -> Answer:
        """Ends it; what is at an end stays so, and whoever is forgotten is answered the same."""
        naming = self._naming(call)
        if naming.kind is not None:
            command: SubscriberCommand = RefuseKind(person_id=naming.person_id, kind=naming.kind)
        else:
            named = (naming.subscription_id,) if naming.subscription_id else ()
            command = EndSubscriptions(subscription_ids=named, ending="one_click")
        await self._quietly(naming.person_id, command, call)
        return Answer(Unsubscribed(), headers=PRIVATE)

    def _naming(self, call: Call) -> Naming:
        naming = self.unsubscribing.read(call.request.match_info["token"])
        if naming is None:
            raise Problem("not_found")
        return naming

    async def _quietly(self, person_id: str, command: SubscriberCommand, call: Call) -> None:
        try:
            if isinstance(command, RefuseKind):
                await self.vault.ensure(person_id)
            await self.journal.transact(SUBSCRIBER, person_id, command, call.context())
        except (NotThere, Erased):
            pass


def endpoints(intake: Intake) -> Sequence[Endpoint]:
    """For the gateway, and for mail programs."""
    unknown = ("unknown_subject",)
    return [
        Endpoint(
            "GET",
            "/api/v1/subscription-kinds",
            intake.offer,
            "Which kinds of message people choose, and the words that subscribers agree to",
            answer=SubscriptionOffer,
        ),
        Endpoint(
            "POST",
            "/internal/subscription-checks",
            intake.check,
            "Whether anybody could subscribe to this; nothing is kept, and nothing is asked of a person",
            body=WishesBody,
            answer=SubscriptionCheck,
            codes=unknown,
        ),
        Endpoint(
            "POST",
            "/internal/subscriptions",
            intake.take,
            "Takes subscriptions of somebody whom the gateway knows; the answer tells nothing",
            body=SubscriptionRequestBody,
            answer=SubscriptionTaken,
            status=202,
            codes=(*unknown, "too_many_subscriptions"),
        ),
        Endpoint(
            "POST",
            "/internal/subscription-links",
            intake.send_link,
            "Sends the link to somebody's own page once more; the answer tells nothing",
            body=SubscriptionLinkBody,
            answer=SubscriptionTaken,
            status=202,
        ),
        Endpoint(
            "GET",
            f"{API}/{{token}}/unsubscriptions",
            intake.show_link,
            "What the link to unsubscribe in a mail ends; looking at it changes nothing",
            answer=UnsubscribeLink,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{API}/{{token}}/unsubscriptions",
            intake.unsubscribe,
            "Unsubscribes at one click (RFC 8058), without sign-in; the second time answers the same",
            answer=Unsubscribed,
            codes=("not_found",),
            upload=ONE_CLICK,
        ),
    ]
