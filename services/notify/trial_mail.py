"""A mail that editors send to themselves, to see what a text looks like in their own program."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from services.notify import mailing, previews
from services.notify.kind import Kind, Occasion, Priority
from services.notify.mailing import Occurred
from services.notify.matter import About, Claimed, Draft, Mailing, Matter, Page, Row, Told
from services.notify.reached import People
from services.notify.texts import Text, Words
from shared.contracts.rpc import PeopleAsked
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context, IdempotencyKeyReused

ASKED = "SELECT data FROM mailing WHERE cause = $1 AND kind = $2"

ONCE = datetime(2025, 1, 1, tzinfo=UTC)  # a command's id says it all: no later one is another
OF_USE = timedelta(hours=1)
WHY = "Sie erhalten diese Nachricht, weil Sie sich diesen Text als Probe gesendet haben. Was darin steht, ist erfunden."


class TrialMailAsked(Occasion):
    """An editor wants to see a text as a mail: the sample of this `number`, in these words or those of the text."""

    type: ClassVar[str] = "ikz.notify.mail_text.trial_asked.v1"

    name: str
    number: int
    words: Words | None = None
    person_id: str
    asked_at: datetime


KINDS: dict[type[Any], Kind] = {
    TrialMailAsked: Kind("trial_mail", Priority.PERSONAL, until=lambda cause: cause.asked_at + OF_USE)
}


@dataclass(frozen=True, slots=True)
class TrialCard:
    """Where it goes."""

    email: str


@dataclass(frozen=True, slots=True)
class TrialMatter:
    """Trial mails go to who asked for them, and to nobody else."""

    texts: Mapping[str, Text]
    portal: str
    people: People
    name: str = "trial_mails"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: TrialMailAsked) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: TrialMailAsked, _cause_id: str) -> About:
        """One editor."""
        return About(person_id=cause.person_id)

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """Who asked."""
        return Page((Row(mailing.what.person_id),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[TrialCard | None]:
        """Where they are reached."""
        addresses = await self.people.addresses(claimed.person_id for claimed, _ in messages)
        found = [addresses.get(claimed.person_id) for claimed, _ in messages]
        return [TrialCard(email) if email else None for email in found]

    def letter(self, _claimed: Claimed, told: Told, _card: TrialCard, _now: datetime) -> Draft | None:
        """The sample; None when there is none any more, after a newer version was installed."""
        asked: TrialMailAsked = told.cause
        if asked.name not in self.texts or asked.number >= len(previews.samples_of(asked.name)):
            return None
        text = self.texts[asked.name]
        said = {**self.texts, asked.name: text.saying(asked.words) if asked.words else text}
        letter = previews.samples_of(asked.name)[asked.number].letter(said, self.portal)
        return Draft(replace(letter, subject=f"Probe: {letter.subject}", footnote=WHY, invitation=None))


@dataclass(frozen=True, slots=True)
class Trials:
    """Takes requests for trial mails; `noted` is called when there is a new one to write."""

    pool: Pool
    people: People
    matter: Matter[Any]
    noted: Callable[[], None]

    async def ask(self, name: str, number: int, words: Words | None, context: Context) -> None:
        """Written down when this returns; `own_address_unknown` to whose address nobody knows.

        Again is not sent again, and something else with the same key is refused.
        """
        found = await self.people.reached(PeopleAsked(actors=(context.actor,)))
        if len(found) != 1:
            raise Problem("own_address_unknown")
        cause = TrialMailAsked(name=name, number=number, words=words, person_id=found[0].person_id, asked_at=context.at)
        occurred = Occurred(cause, f"trial_mail-{context.command_id}@1", ONCE, context.at, context.correlation_id)
        async with self.pool.acquire() as connection, connection.transaction():
            await mailing.note(connection, self.matter, [occurred], context.at)
            asked = await connection.fetchval(ASKED, occurred.id, KINDS[TrialMailAsked].name)
            if TrialMailAsked.model_validate(asked | {"asked_at": context.at}) != cause:
                raise IdempotencyKeyReused
        self.noted()
