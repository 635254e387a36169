"""Messages to people who subscribed: who follows what was published, found by all subscriptions at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notify import follower_letter, things
from services.notify.announcement import publish
from services.notify.followed import BY_NAME, FOLLOWS, Followed, follow_of, thing_of
from services.notify.kind import Kind
from services.notify.mailing import Occurred, note
from services.notify.matching import Matching
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.reasons import Follower, Followers, Reason
from services.notify.texts import Text
from services.notify.things import Shown
from services.notify.unsubscribing import Unsubscribing
from services.notify.wished_kinds import SEARCHES
from shared.contracts.events import MaterialPublished
from shared.contracts.notify import AnnouncementPublished
from shared.kernel.clock import Clock
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded


@dataclass(frozen=True, slots=True)
class FollowerCard:
    """Where to write to, why, and what the thing is called by now."""

    follower: Follower
    reasons: Sequence[Reason]
    shown: Shown

    @property
    def email(self) -> str:
        """Where the mail goes."""
        return self.follower.email


@dataclass(frozen=True, slots=True)
class FollowerMatter:
    """What is told to followers."""

    matching: Matching
    followers: Followers
    unsubscribing: Unsubscribing
    texts: Mapping[str, Text]
    portal: str
    clock: Clock
    name: str = "followers"
    kinds: Mapping[type[Any], Kind] = field(
        default_factory=lambda: {contract: follow.kind for contract, follow in FOLLOWS.items()}
    )

    def kind(self, cause: Followed) -> Kind:
        """See `followed.py`."""
        return follow_of(cause).kind

    def about(self, cause: Followed, _cause_id: str) -> About:
        """What is told of a thing keeps its order, and comes after what registrants are told of the same."""
        thing = thing_of(cause)
        return About(line=f"followers/{thing.kind}/{thing.id}", behind=_behind(cause))

    async def recipients(self, mailing: Mailing, limit: int) -> Page:
        """Those who are told at once; the first page finds everybody."""
        if mailing.after is None:
            await self.matching.find(mailing, self.clock.now())
        found = await self.matching.page(mailing, mailing.after or "", limit)
        thing = thing_of(mailing.what)
        rows = [
            Row(
                person_id=row["person_id"],
                standing={"subscriptions": [str(each) for each in row["subscriptions"]]},
                lane=f"followers/{thing.kind}/{thing.id}/{row['person_id']}",
            )
            for row in found
        ]
        return Page(rows, next=rows[-1].person_id if len(rows) == limit else None)

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[FollowerCard | None]:
        """What is known of each now; none of who unsubscribed or wants none, or of what was never heard of."""
        asked: dict[str, list[str]] = {}
        for claimed, _ in messages:
            asked.setdefault(claimed.person_id, []).extend(_subscriptions(claimed))
        now = self.clock.now()
        followers = await self.followers.of(asked, now)
        found = [(claimed.mailing_id, claimed.person_id) for claimed, _ in messages]
        at_once = await self.matching.at_once(found, now)
        shown = await things.shown(self.matching.pool, list({thing_of(told.cause) for _, told in messages}))
        return [
            _card(claimed, told.cause, followers.get(claimed.person_id), shown.get(thing_of(told.cause)))
            if (claimed.mailing_id, claimed.person_id) in at_once
            else None
            for claimed, told in messages
        ]

    def letter(self, claimed: Claimed, told: Told, card: FollowerCard, _now: datetime) -> Draft | None:
        """The letter; none about what is gone by now, unless it says so."""
        if card.shown.gone is not BY_NAME[told.kind].ends:
            return None
        letter = follower_letter.compose(told.cause, card.shown, (card.follower, card.reasons), self.texts, self.portal)
        return Draft(letter, unsubscribe=self._unsubscribe(claimed.person_id, told.cause, card.reasons))

    def _unsubscribe(self, person_id: str, cause: Followed, reasons: Sequence[Reason]) -> str:
        """Ends the one subscription that matched; of several, this kind of message, as which searches are one."""
        if len(reasons) == 1:
            return self.unsubscribing.unsubscribe_url(person_id, reasons[0].subscription_id)
        searched = all(each.subject == "search" for each in reasons)
        return self.unsubscribing.of_kind(person_id, SEARCHES if searched else follow_of(cause).wished)


def _behind(cause: Followed) -> str | None:
    if isinstance(cause, MaterialPublished):
        return f"material_published/{cause.session_id}"
    return getattr(cause, "session_id", None)


def _subscriptions(claimed: Claimed) -> list[str]:
    return list((claimed.standing or {}).get("subscriptions", ()))


def _card(claimed: Claimed, cause: Followed, follower: Follower | None, shown: Shown | None) -> FollowerCard | None:
    if follower is None or shown is None:
        return None
    reasons = follower.of(_subscriptions(claimed), {follow_of(cause).wished})
    return FollowerCard(follower, reasons, shown) if reasons else None


def from_journal(matter: FollowerMatter, clock: Clock, noted: Callable[[], None]) -> Projection:
    """What this service publishes itself: keeps what news there is, and notes that followers are told of it.

    Followed by a cursor and never built anew. What is loaded history is kept and told to nobody.
    """

    async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        said = [(recorded, contract) for recorded in events if (contract := _published(recorded)) is not None]
        await things.keep(connection, [contract for _, contract in said])
        occurred = [
            Occurred(contract, recorded.id, recorded.recorded_at, recorded.event.at, recorded.correlation_id)
            for recorded, contract in said
            if isinstance(contract, AnnouncementPublished) and not recorded.history
        ]
        if occurred:
            await note(connection, matter, occurred, clock.now())
            noted()

    return Projection("follower_news", (), project, following=True)


def _published(recorded: Recorded[Any]) -> things.OfAnnouncement | None:
    if not recorded.stream.startswith("announcement-"):
        return None
    contract = publish(recorded.event)
    return contract if isinstance(contract, things.OF_ANNOUNCEMENTS) else None
