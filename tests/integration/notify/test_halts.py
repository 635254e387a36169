"""A mailing that is paused, goes on, or is stopped while it is being written and sent."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest

from services.notify import halts, queue
from services.notify.kind import Priority
from services.notify.smtp import Connection
from tests.integration.notify.conftest import EDITOR, Notify
from tests.integration.notify.office import Office, Owner, methods, of, people
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.samples import postponed, session


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server(pipelining=True) as server:
        yield server


@pytest.fixture
def office(notify: Notify, sink: Sink) -> Office:
    return Office(notify, Owner(session(), people(5)), sink)


async def say(office: Office, word: str, status: int = 200) -> str:
    """Halts the newest mailing, or lets it go on; gives how it is halted, or the code."""
    found = await office.notify.ask("GET", "/api/v1/mailings?limit=1", who=EDITOR)
    reply = await office.notify.ask("POST", f"/api/v1/mailings/{found.body['items'][0]['id']}/{word}", who=EDITOR)
    assert reply.status == status
    return str(reply.body["halt"] if status == 200 else reply.body["code"])


async def follow(office: Office) -> None:
    await halts.follow(office.notify.pool, office.notify.clock.now())


async def counts(office: Office) -> dict[str, int]:
    (mailing,) = (await office.notify.ask("GET", "/api/v1/mailings", who=EDITOR)).body["items"]
    return {name: number for name, number in mailing["counts"].items() if number}


async def test_what_is_paused_is_sent_when_it_goes_on(office: Office, sink: Sink) -> None:
    await office.hear(postponed())
    await office.expand()
    assert [await say(office, "pauses") for _ in range(2)] == ["paused"] * 2
    await office.send()
    assert sink.mails == [], "it holds before the rows have followed"
    await follow(office)
    await office.send()
    assert (sink.mails, await office.states()) == ([], ["held"] * 5)
    assert await counts(office) == {"waiting": 5}
    assert [await say(office, "resumptions") for _ in range(2)] == ["None"] * 2
    await follow(office)
    await office.send()
    assert await counts(office) == {"delivered": 5}
    assert len({mail.message_id for mail in sink.mails}) == len(sink.mails) == 5


async def test_what_comes_after_a_paused_mailing_to_the_same_people_waits_for_it(office: Office, sink: Sink) -> None:
    """A cancellation must not overtake the invitation that it takes back."""
    person = office.owner.people[0]
    await office.hear(postponed())
    await office.expand()
    await say(office, "pauses")
    await follow(office)
    office.owner.people[0] = person.model_copy(update={"status": "withdrawn"})
    await office.hear(of(person, samples.WITHDRAWN), version=8)
    await office.expand()
    await office.send()
    assert sink.mails == []
    await office.notify.pool.execute("UPDATE mailing SET halt = NULL")
    await follow(office)
    await office.send()
    assert methods(sink, person.email) == ["REQUEST", "CANCEL"]


async def test_what_is_stopped_in_the_middle_is_never_sent_and_seen_as_such(office: Office, sink: Sink) -> None:
    """Somebody stops it while a batch is in hand: the mail on its way arrives, no other does."""
    stopping: list[asyncio.Task[str]] = []

    def stop(_: object, stage: str) -> None:
        if stage == "DATA" and not stopping:
            stopping.append(asyncio.create_task(say(office, "stops")))

    finish, sink.say = queue.finish, stop

    async def slowly(*arguments: object) -> object:
        await asyncio.gather(*stopping)
        return await finish(*arguments)  # type: ignore[arg-type]

    await office.hear(postponed())
    await office.expand()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.notify.queue.finish", slowly)
        await office.send()
    assert len(sink.mails) == 1
    await follow(office)
    assert await counts(office) == {"delivered": 1, "withheld": 4}
    assert await say(office, "stops") == "stopped"
    assert await say(office, "resumptions", 409) == "mailing_stopped"
    assert await say(office, "pauses", 409) == "mailing_ended"
    await office.send()
    assert len(sink.mails) == 1
    await office.tell(samples.CANCELLED, version=8)
    assert len(sink.mails) == 6, "what comes after it is told"


async def test_what_is_stopped_before_it_is_written_is_not_written(office: Office, sink: Sink) -> None:
    await office.hear(postponed())
    assert await say(office, "stops") == "stopping"
    await office.expand()
    await follow(office)
    assert await say(office, "stops") == "stopped"
    assert (await office.notify.ask("GET", "/api/v1/mailings?halted=true", who=EDITOR)).body["items"][0]["status"] == (
        "stopped"
    )
    await office.tell(samples.CANCELLED, version=8)
    assert (len(sink.mails), await office.states()) == (5, ["delivered"] * 5)


async def test_a_mail_that_was_stopped_on_its_way_counts_as_delivered(office: Office) -> None:
    await office.hear(postponed())
    await office.expand()
    pool, now = office.notify.pool, office.notify.clock.now()
    (claimed,) = await queue.claim(pool, now, now, Priority.MANY, 1, holder=1)
    await say(office, "stops")
    await pool.execute("UPDATE message SET state = 'withheld', reason = 'stopped'")
    await queue.finish(pool, [queue.Verdict(claimed.id, 1, "delivered", now, "delivered", code=250)])
    assert await counts(office) == {"delivered": 1, "withheld": 4}


async def test_what_somebody_died_with_keeps_no_mailing_from_being_stopped(office: Office) -> None:
    await office.hear(postponed())
    await office.expand()
    pool, now = office.notify.pool, office.notify.clock.now()
    until = now + dt.timedelta(minutes=5)
    await queue.claim(pool, now, until, Priority.MANY, 1, holder=1)
    await say(office, "stops")
    await follow(office)
    assert await counts(office) == {"waiting": 1, "withheld": 4}, "it may be on its way"
    office.notify.clock.time = until
    await follow(office)
    assert (await say(office, "stops"), await counts(office)) == ("stopped", {"withheld": 5})


async def test_only_who_may_halts_and_only_what_there_is(office: Office) -> None:
    assert (await office.notify.ask("POST", "/api/v1/mailings/1/stops")).status == 401
    for wrong in ("0", "x", "9" * 30, "-1", "1e3"):
        assert (await office.notify.ask("POST", f"/api/v1/mailings/{wrong}/stops", who=EDITOR)).status == 404
    assert (await office.notify.ask("GET", "/api/v1/mailings/99", who=EDITOR)).status == 404
    for wrong in (f"at_least={'9' * 30}", "at_least=-1", "kind=" + "&kind=".join("k" * 51)):
        assert (await office.notify.edit("GET", f"/api/v1/mailings?{wrong}")).code == "422 invalid_query"


async def test_single_persons_mail_goes_on_while_a_mailing_is_paused(office: Office, sink: Sink) -> None:
    await office.hear(postponed())
    await office.expand()
    await say(office, "pauses")
    pool, now = office.notify.pool, office.notify.clock.now()
    assert await queue.claim(pool, now, now, Priority.LATER, 9, holder=1) == [], "nothing of it is taken up"
    late = samples.person("received", person_id="late", registration_id="late", email="late@gemeinde.example")
    office.owner.people.append(late)
    await office.hear(of(late, samples.RECEIVED), version=8)
    await office.expand()
    connection = Connection(office.sender.host)
    assert await office.sender.batch(connection, Priority.LATER)
    await connection.quit()
    assert [mail.recipient for mail in sink.mails] == ["late@gemeinde.example"]
