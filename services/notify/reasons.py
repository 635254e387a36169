"""Where followers are written to, and why: looked up when a message is sent.

Nobody is written to for what was unsubscribed meanwhile, or while paused.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notify import subscriber_list, subscriber_sealing, subscription_wishes
from services.notify.letter import Fact, listed, titled, visible
from services.notify.subscription_matter import PAGE
from services.notify.subscription_wishes import Owners
from services.notify.wished_kinds import SEARCHES
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

MATCHED = """
SELECT s.id::text, s.person_id, s.subject, s.key, c.label
FROM subscription s LEFT JOIN compiled_search c ON c.subscription_id = s.id
WHERE s.id = ANY($1::uuid[]) AND s.state = 'confirmed'
"""
PAUSED = "SELECT person_id FROM subscriber WHERE person_id = ANY($1::text[]) AND paused_until > $2"
REFUSED = """
SELECT person_id, array_agg(kind) AS kinds FROM preference
WHERE person_id = ANY($1::text[]) AND channel = 'email' AND rhythm = 'off' GROUP BY person_id
"""

SUBJECTS = {
    "kind": "die Art {}",
    "topic": "das Themengebiet {}",
    "municipality": "die Kommune {}",
    "district": "den Kreis {}",
    "series": "die Veranstaltungsreihe {}",
    "project": "das Projekt {}",
}
SEARCH = "die Suche: {}"
MOST_NAMED = 3
UNNAMED = {"search": "eine Suche", "kind": "eine Art von Nachrichten"}


@dataclass(frozen=True, slots=True)
class Reason:
    """A subscription that matches, and what it is to, as it is called now."""

    subscription_id: str
    subject: str
    title: str | None

    def said(self) -> str:
        """What was subscribed to, in the middle of a sentence."""
        if self.title is None:
            return UNNAMED.get(self.subject, "diese Inhalte")
        title = visible(self.title)
        return SEARCH.format(title) if self.subject == "search" else SUBJECTS[self.subject].format(titled(title))


@dataclass(frozen=True, slots=True)
class Follower:
    """Where to write to, the token of the person's page, and why; `refused` are the kinds that are not wanted."""

    email: str
    token: str
    reasons: Mapping[str, Reason]
    refused: Collection[str] = ()

    def of(self, subscription_ids: Iterable[str], wished: Collection[str]) -> list[Reason]:
        """Those of some subscriptions that still hold for what is wished as one of these kinds."""
        holding = [self.reasons[each] for each in subscription_ids if each in self.reasons]
        return [each for each in holding if self._wants({SEARCHES} if each.subject == "search" else wished)]

    def _wants(self, kinds: Collection[str]) -> bool:
        return any(kind not in self.refused for kind in kinds)


@dataclass(frozen=True, slots=True)
class Followers:
    """Looks them up."""

    pool: Pool
    vault: Vault
    owners: Owners

    async def of(self, asked: Mapping[str, Iterable[str]], now: datetime) -> dict[str, Follower]:
        """Of each person and their subscriptions. Who is erased, paused or has none of them any more is missing."""
        people = list(asked)
        reasons = await self._reasons({each for ids in asked.values() for each in ids})
        rows = await subscriber_list.cards_of(self.pool, people)
        paused = {row["person_id"] for row in await self.pool.fetch(PAUSED, people, now)}
        refused = {row["person_id"]: row["kinds"] for row in await self.pool.fetch(REFUSED, people)}
        addresses = await subscriber_sealing.addresses(self.vault, rows)
        return {
            person: Follower(address.email, address.token, reasons[person], refused.get(person, ()))
            for row, address in zip(rows, addresses, strict=True)
            if address is not None and (person := row["person_id"]) in reasons and person not in paused
        }

    async def _reasons(self, ids: set[str]) -> dict[str, dict[str, Reason]]:
        rows = await self.pool.fetch(MATCHED, list(ids))
        named = list({(row["subject"], row["key"]) for row in rows if row["subject"] != "search"})
        titles = await subscription_wishes.titles(self.owners, named)
        found: dict[str, dict[str, Reason]] = {}
        for row in rows:
            title = row["label"] if row["subject"] == "search" else titles.get((row["subject"], row["key"]))
            found.setdefault(row["person_id"], {})[row["id"]] = Reason(row["id"], row["subject"], title)
        return found


def why(reasons: Sequence[Reason]) -> str:
    """The sentence at the end of a letter."""
    said = list(dict.fromkeys(each.said() for each in reasons))
    more = len(said) - MOST_NAMED
    named = said if more <= 0 else [*said[:MOST_NAMED], "Weiteres"]
    return f"Sie erhalten diese Nachricht, weil Sie {listed(named)} abonniert haben."


def own_page(portal: str, token: str) -> Fact:
    """Where everything can be changed and ended."""
    return Fact("Ihre Abonnements", "ändern, pausieren oder abbestellen", url=f"{portal}{PAGE}{token}")
