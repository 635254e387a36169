"""What becomes of contacts' texts and addresses by itself: reports of mails, erasures, retention, keys destroyed.

Effects of other services' events only note a row; the clock's process turns rows into facts of the journal.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.catalog import contact_list
from services.catalog.contact_address import CONTACT_ADDRESS, RemoveContactAddress
from services.catalog.contact_request import (
    CONTACT_REQUEST,
    ContactCommand,
    ForgetContactText,
    LetContactRequestLapse,
    ReportContactRequest,
)
from services.catalog.due import by_itself, told
from shared.contracts.gateway import PersonErased
from shared.contracts.notify import MessageBounced, MessageDelivered
from shared.kernel.decider import NotThere
from shared.kernel.ids import parse_id
from shared.kernel.inbox import Effect, Received
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.vault import Vault

NOTE_ERASURE = "INSERT INTO contact_erasure (person_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
NOTE_REPORTS = """
INSERT INTO contact_report AS r (contact_request_id, delivered)
SELECT DISTINCT ON (id) id, delivered FROM unnest($1::uuid[], $2::boolean[]) AS n(id, delivered) ORDER BY id, delivered
ON CONFLICT (contact_request_id) DO UPDATE SET delivered = r.delivered AND excluded.delivered
"""
REPORTS = "SELECT contact_request_id::text, delivered FROM contact_report LIMIT $1"
REPORTED = "DELETE FROM contact_report WHERE contact_request_id = $1::uuid AND delivered = $2"
ERASURES = "SELECT person_id FROM contact_erasure LIMIT $1"
ERASED = "DELETE FROM contact_erasure WHERE person_id = $1"
LEFTOVERS = "SELECT vault_subject FROM vault_leftover LIMIT $1"
DESTROYED = "DELETE FROM vault_leftover WHERE vault_subject = $1"

PASSED_ON = "contact_passed_on"
STREAM = f"{CONTACT_REQUEST.category}-"
AT_ONCE = 100


def of_gateway(vault: Vault) -> list[Effect]:
    """An erased person: what they wrote and where they are reached cannot be read from now on."""

    async def forget(connection: Connection, erased: Sequence[Received[PersonErased]]) -> None:
        people = [received.data.person_id for received in erased]
        for person_id in people:
            await vault.erase(person_id)
        await connection.execute(NOTE_ERASURE, people)

    return [Effect(PersonErased, forget)]


def of_notify() -> list[Effect]:
    """Whether a text that was passed on has arrived."""

    async def note(
        connection: Connection, received: Sequence[Received[MessageDelivered] | Received[MessageBounced]]
    ) -> None:
        reports = [(_request_of(each.data), isinstance(each.data, MessageDelivered)) for each in received]
        known = [(request, delivered) for request, delivered in reports if request is not None]
        if known:
            await connection.execute(NOTE_REPORTS, [request for request, _ in known], [said for _, said in known])

    return [Effect(MessageDelivered, note), Effect(MessageBounced, note)]


def _request_of(message: MessageDelivered | MessageBounced) -> str | None:
    """The contact request whose text a mail brought to the contact; None of any other mail.

    A complaint is about one that arrived.
    """
    if isinstance(message, MessageBounced) and message.reason == "complaint":
        return None
    stream, _, _ = message.cause.partition("@")
    if message.kind != PASSED_ON or not stream.startswith(STREAM):
        return None
    found = parse_id(stream.removeprefix(STREAM))
    return str(found) if found else None


async def record_reports(journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: what became of passed-on texts."""
    done = 0
    for row in await pool.fetch(REPORTS, AT_ONCE):
        command = ReportContactRequest(delivered=row["delivered"])
        if await _told(journal, row["contact_request_id"], command, at):
            await pool.execute(REPORTED, row["contact_request_id"], row["delivered"])
            done += 1
    return done


async def record_erasures(journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: nothing is kept of people who were erased."""
    finished = 0
    for row in await pool.fetch(ERASURES, AT_ONCE):
        person_id = row["person_id"]
        requests, addresses = await contact_list.of_person(pool, person_id, AT_ONCE)
        done = [await _told(journal, request, ForgetContactText(cause="erasure"), at) for request in requests]
        for about_id in addresses:
            command = RemoveContactAddress(cause="erasure", person_id=person_id)
            done.append(await told(journal, CONTACT_ADDRESS, about_id, command, by_itself(at)))
        if all(done) and len(done) < AT_ONCE:
            await pool.execute(ERASED, person_id)
            finished += 1
    return finished


async def forget_texts(retention: timedelta, journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: what nobody confirmed lapses, what was passed on long enough ago is forgotten."""
    late = await contact_list.lapsed(pool, at, AT_ONCE)
    old = await contact_list.kept_long_enough(pool, at, retention, AT_ONCE)
    done = [await _told(journal, request, LetContactRequestLapse(), at) for request in late]
    done += [await _told(journal, request, ForgetContactText(cause="retention"), at) for request in old]
    return sum(done)


async def forget_addresses(retention: timedelta, journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: no address is kept for what has ended, an archived project or a closed request."""
    ended = await contact_list.unused(pool, at, retention, AT_ONCE)
    command = RemoveContactAddress(cause="unused")
    return sum([await told(journal, CONTACT_ADDRESS, about_id, command, by_itself(at)) for about_id in ended])


async def destroy_keys(vault: Vault, _journal: Journal, pool: Pool, _at: datetime) -> int:
    """A duty of the clock: keys of what is forgotten are destroyed; doing it again changes nothing."""
    rows = await pool.fetch(LEFTOVERS, AT_ONCE)
    for row in rows:
        await vault.erase(row["vault_subject"])
        await pool.execute(DESTROYED, row["vault_subject"])
    return len(rows)


async def _told(journal: Journal, contact_request_id: str, command: ContactCommand, at: datetime) -> bool:
    """Whether the request heard it, or is not there (the journal may have been restored to a time before it)."""
    try:
        return await told(journal, CONTACT_REQUEST, contact_request_id, command, by_itself(at))
    except NotThere:
        return True
