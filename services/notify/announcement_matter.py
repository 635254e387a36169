"""Mails of announcements: one for each person of the audience, however many parts of it they are in.

Whoever got an announcement gets its correction; whoever was invited, and has neither answered nor registered, is
reminded. What is withdrawn or unwanted by the time a mail would be sent is not sent, nor is anybody invited to what
will not take place. A mail says what announcement and session say then.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar

from services.notify import invited_list, news
from services.notify.announcement_audience import Audiences, Why, subscribed_parts
from services.notify.announcement_content import BERLIN
from services.notify.announcement_letter import Notice, compose
from services.notify.announcement_mailings import Purpose, is_stopped, plan_of
from services.notify.kind import Kind, Occasion, Priority
from services.notify.matching import collect
from services.notify.matter import About, Alike, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.news import Planned
from services.notify.texts import Text
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.rpc import AudienceAsked, SessionCard
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

# Whoever got the announcement, or is just getting it, and why: by its mailing, in a digest, or as a follower of its
# event.
GOT_IT = """
WITH told AS (
    SELECT g.id FROM mailing g WHERE g.cause = ANY(
        SELECT 'announcement-' || a.announcement_id || '@' || a.version FROM announcement_mailing a
        WHERE a.announcement_id = $1::uuid AND a.purpose = 'announcement'
    )
)
SELECT m.person_id, coalesce(m.standing->>'why', 'subscribed') AS why
FROM message m JOIN told ON told.id = m.mailing_id
WHERE m.state IN ('sending', 'delivered') AND m.person_id > $2
UNION
SELECT f.person_id, 'subscribed' FROM finding f JOIN told ON told.id = f.mailing_id
WHERE f.digest_day IS NOT NULL AND f.person_id > $2
ORDER BY person_id LIMIT $3
"""
# What became of the announcement's mails to these people, as far as the log goes back.
BECAME = """
SELECT m.person_id, m.standing->>'why' AS why, m.state IN ('withheld', 'bounced', 'failed') AS missed
FROM message m JOIN mailing g ON g.id = m.mailing_id
WHERE g.cause = ANY(
    SELECT 'announcement-' || a.announcement_id || '@' || a.version FROM announcement_mailing a
    WHERE a.announcement_id = $1::uuid AND a.purpose = 'announcement'
) AND g.matter = 'announcements' AND m.person_id = ANY($2::text[])
"""

NOT_TO_COME = frozenset({"drafted", "cancelled", "held", "documented"})
REGISTRANTS = 10_000
LINKS = 2000
"""The most links that are made and written down at once."""
SAMPLE_TOKEN = "beispiel-einer-einladung"  # noqa: S105 -- it leads nowhere


class AnnouncementMailed(Occasion):
    """An announcement goes out by mail, or its correction. `ordered_version` is that of the event that ordered it."""

    type: ClassVar[str] = "ikz.notify.announcement.mailed.v1"

    announcement_id: str
    ordered_version: int
    purpose: Purpose
    note: str | None = None


class InvitationMailed(AnnouncementMailed):
    """An invitation goes out, is corrected, or those who have not answered are reminded of it."""

    type: ClassVar[str] = "ikz.notify.invitation.mailed.v1"


class AnnouncementTested(Occasion):
    """An editor wants to see a draft as a mail, which tells nobody anything."""

    type: ClassVar[str] = "ikz.notify.announcement.tested.v1"

    draft_id: str
    person_id: str


KINDS: Mapping[type[Any], Kind] = {
    AnnouncementMailed: Kind("announcement", Priority.LATER, transactional=False, wished="announcement"),
    InvitationMailed: Kind("invitation", Priority.LATER, transactional=False, wished="invitation"),
    AnnouncementTested: Kind("announcement_test", Priority.PERSONAL),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a mail goes to, and what it says now; without a notice it would be wrong to send it.

    `unsubscribe` is where one click ends mails of this kind; `edition` tells apart what was read at different times.
    """

    email: str
    notice: Notice | None
    unsubscribe: str | None = None
    edition: str = ""


@dataclass(frozen=True, slots=True)
class AnnouncementMatter:
    """What editors tell people."""

    pool: Pool
    vault: Vault
    audiences: Audiences
    unsubscribing: Unsubscribing
    texts: Mapping[str, Text]
    portal: str
    clock: Clock
    name: str = "announcements"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: Any) -> Kind:
        """As its type is announced."""
        return KINDS[type(cause)]

    def about(self, cause: Any, _cause_id: str) -> About:
        """What is said of one announcement keeps its order; of a test nothing waits."""
        if isinstance(cause, AnnouncementTested):
            return About(person_id=cause.person_id)
        return About(line=f"announcement/{cause.announcement_id}")

    async def recipients(self, mailing: Mailing, limit: int) -> Page:
        """The next ones; nobody once it is stopped or withdrawn."""
        cause = mailing.what
        announcement = await news.planned(self.pool, _id(cause))
        if announcement is None:
            return Page([])
        if isinstance(cause, AnnouncementTested):
            return Page([Row(cause.person_id, {"why": "member"})])
        session = await self._session_of(announcement)
        if not await self._holds(cause, announcement, session):
            return Page([])
        links = isinstance(cause, InvitationMailed) and cause.purpose == "announcement"
        found, following = await self._found(cause, session, mailing.after, min(limit, LINKS) if links else limit)
        unwanted = await self.audiences.unwanted(list(found), mailing.kind)
        told = {person_id: why for person_id, why in found.items() if person_id not in unwanted}
        if mailing.kind == KINDS[AnnouncementMailed].name and cause.purpose == "announcement":
            collected = await self._collected(mailing, told)
            told = {person_id: why for person_id, why in told.items() if person_id not in collected}
        if links:
            await invited_list.invite(self.pool, self.vault, cause.announcement_id, list(told), self.clock.now())
        lane = f"{self.name}/{cause.announcement_id}/"
        until = session.starts_at if session and isinstance(cause, InvitationMailed) else None
        rows = [Row(each, {"why": why}, lane=lane + each, expires_at=until) for each, why in told.items()]
        return Page(rows, following)

    async def _collected(self, mailing: Mailing, found: Mapping[str, Why]) -> set[str]:
        """Those who read it in a digest, as they want what they subscribed to. To others it is said at once."""
        plan = await plan_of(self.pool, mailing.what.announcement_id) if "subscribed" in found.values() else None
        followed = subscribed_parts(plan.audience) if plan is not None else ()
        return await collect(self.pool, mailing, followed, list(found), self.clock.now())

    async def _holds(self, cause: AnnouncementMailed, announcement: Planned, session: SessionCard | None) -> bool:
        """Whether it still goes out: neither withdrawn nor stopped, nor does it invite to what will not take place."""
        if announcement.status != "published":
            return False
        if isinstance(cause, InvitationMailed) and cause.purpose != "correction" and not self._to_come(session):
            return False
        return not await is_stopped(self.pool, cause.announcement_id, cause.ordered_version)

    def _to_come(self, session: SessionCard | None) -> bool:
        if session is None or session.status in NOT_TO_COME:
            return False
        return session.starts_at is None or session.starts_at > self.clock.now()

    async def _found(
        self, cause: AnnouncementMailed, session: SessionCard | None, after: str | None, limit: int
    ) -> tuple[Mapping[str, Why], str | None]:
        """Some people, each with the reason that they were written to first, and where the next ones begin."""
        if cause.purpose == "announcement":
            plan = await plan_of(self.pool, cause.announcement_id)
            if plan is None:
                return {}, None
            found = await self.audiences.page(plan.audience, after, limit)
            return dict.fromkeys(found.person_ids, found.why), found.next
        if cause.purpose == "reminder":
            ids = await invited_list.still_open(self.pool, cause.announcement_id, after or "", limit)
            return await self._reminded(cause, session, after, ids), ids[-1] if len(ids) == limit else None
        rows = await self.pool.fetch(GOT_IT, cause.announcement_id, after or "", limit)
        return {row["person_id"]: row["why"] for row in rows}, rows[-1]["person_id"] if len(rows) == limit else None

    async def _reminded(
        self, cause: AnnouncementMailed, session: SessionCard | None, after: str | None, ids: Sequence[str]
    ) -> Mapping[str, Why]:
        """Who of those who have not answered got the invitation, and has not registered by another way."""
        rows = await self.pool.fetch(BECAME, cause.announcement_id, ids)
        missed = {row["person_id"] for row in rows if row["missed"]}
        why = {row["person_id"]: row["why"] for row in rows}
        left_out = missed | await self._registered(session, after, ids)
        return {person_id: why.get(person_id, "subscribed") for person_id in ids if person_id not in left_out}

    async def _registered(self, session: SessionCard | None, after: str | None, ids: Sequence[str]) -> set[str]:
        """Who is registered, at least of these people, who come in the order of their ids behind `after`."""
        found: set[str] = set()
        while session is not None and ids:
            asked = AudienceAsked(session_id=session.session_id, after=after, limit=REGISTRANTS)
            answer = await self.audiences.owners.audience(asked)
            found.update(answer.person_ids)
            after = answer.next
            if after is None or after >= ids[-1]:
                break
        return found

    async def _session_of(self, announcement: Planned) -> SessionCard | None:
        session_id = announcement.content.session_id
        return await self.session(session_id) if session_id else None

    async def session(self, session_id: str) -> SessionCard | None:
        """The session as it is now; nothing of one that is not there (any more)."""
        try:
            return (await self.audiences.owners.audience(AudienceAsked(session_id=session_id, limit=1))).session
        except Problem as problem:
            if problem.code != "not_found":
                raise
            return None

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[Reader | None]:
        """Everybody's address, and the announcement as it reads now."""
        people = [claimed.person_id for claimed, _ in messages]
        addresses = await self.audiences.addresses(people)
        notices: dict[int, Notices] = {}
        for told in {told.mailing_id: told for _, told in messages}.values():
            of_mailing = [claimed.person_id for claimed, each in messages if each.mailing_id == told.mailing_id]
            notices[told.mailing_id] = await self._notices(told, of_mailing)
        return [
            Reader(
                addresses[claimed.person_id],
                notices[told.mailing_id].of(claimed),
                self._unsubscribe(claimed, told),
                notices[told.mailing_id].edition,
            )
            if claimed.person_id in addresses
            else None
            for claimed, told in messages
        ]

    async def _notices(self, told: Told, people: Sequence[str]) -> "Notices":
        """What each of some people is told by one mailing."""
        cause = told.cause
        test = isinstance(cause, AnnouncementTested)
        announcement = await news.planned(self.pool, _id(cause))
        if announcement is None:
            return Notices(None)
        session = await self._session_of(announcement)
        if not (test or await self._holds(cause, announcement, session)):
            return Notices(None)
        plan = announcement.plan if test else await plan_of(self.pool, cause.announcement_id)
        notice = Notice(
            announcement_id=announcement.id,
            content=announcement.content,
            plan=plan,
            portal=self.portal,
            purpose="announcement" if test else cause.purpose,
            note=None if test else cause.note,
            published_on=told.happened_at.astimezone(BERLIN).date(),
            session=session,
            token=SAMPLE_TOKEN if test and announcement.content.kind == "invitation" else None,
            test=test,
        )
        if test:
            return Notices(notice)
        return Notices(
            notice,
            left_out=await self._left_out(told, people),
            tokens=await self._tokens(cause, people),
        )

    async def _left_out(self, told: Told, people: Sequence[str]) -> set[str]:
        """Who wants none (any more), or has answered what a reminder would remind of."""
        left_out = set(await self.audiences.unwanted(people, told.kind))
        if told.cause.purpose == "reminder":
            left_out |= await invited_list.answered(self.pool, told.cause.announcement_id, people)
        return left_out

    async def _tokens(self, cause: Any, people: Sequence[str]) -> Mapping[str, str]:
        if not isinstance(cause, InvitationMailed):
            return {}
        tokens = await invited_list.tokens(self.vault, cause.announcement_id, people)
        return dict(zip(people, tokens or (), strict=bool(tokens)))

    def _unsubscribe(self, claimed: Claimed, told: Told) -> str | None:
        """Where one click ends mails of this kind; nobody need end a test of one's own."""
        if self.kind(told.cause).transactional:
            return None
        return self.unsubscribing.unsubscribe_url(claimed.person_id, kind=told.kind)

    def letter(self, _claimed: Claimed, _told: Told, card: Reader, _now: datetime) -> Draft | None:
        """The letter; none of what was withdrawn, or is not wanted any more."""
        if card.notice is None:
            return None
        return Draft(compose(card.notice, self.texts), unsubscribe=card.unsubscribe)

    def alike(self, _claimed: Claimed, told: Told, card: Reader) -> Alike[Reader] | None:
        """Whoever gets it for the same reason reads the same, but for the links."""
        notice = card.notice
        if notice is None:
            return None
        links = {"token": notice.token or "", "unsubscribe": card.unsubscribe or ""}

        def called(own: Mapping[str, str]) -> Reader:
            token = own["token"] if notice.token else None
            return Reader(card.email, replace(notice, token=token), own["unsubscribe"] or None)

        return Alike((told.mailing_id, card.edition, notice.why, notice.token is None), links, called)


def _id(cause: Any) -> str:
    announcement_id: str = cause.draft_id if isinstance(cause, AnnouncementTested) else cause.announcement_id
    return announcement_id


@dataclass(frozen=True)
class Notices:
    """One notice for many people: who gets none, and each one's links."""

    notice: Notice | None
    left_out: Collection[str] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def edition(self) -> str:
        """Another one as soon as anything in the notice is."""
        return blake2b(repr(self.notice).encode(), digest_size=16).hexdigest()

    def of(self, claimed: Claimed) -> Notice | None:
        """The notice as one of them gets it."""
        if self.notice is None or claimed.person_id in self.left_out:
            return None
        return replace(
            self.notice,
            why=(claimed.standing or {}).get("why", "subscribed"),
            token=self.tokens.get(claimed.person_id, self.notice.token),
        )
