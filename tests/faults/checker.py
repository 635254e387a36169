"""Compares what clients were told with what a system holds: every broken promise is named in a sentence.

It trusts no code of the services: seats, queues and who is to be told of what are reckoned here a second time, from the
journal's events alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from uuid import NAMESPACE_URL, uuid5

from tests.faults import catalogue
from tests.faults.admission import Told, Walk, walk
from tests.faults.history import Attempt, History
from tests.faults.remains import Mail, Recorded, Remains

UNAVAILABLE = {502, 503, 504}
PROBLEM = "application/problem+json"
SMTP_CONNECTIONS = 4  # a process that dies between the server's answer and its own record leaves one mail each
MAIL_DOMAIN = "interkommunal.example"
WRITTEN = {
    "draft_project": "ProjectDrafted",
    "define_topic": "TopicDefined",
    "open_request": "CooperationRequestOpened",
    "draft_session": "SessionDrafted",
    "draft_announcement": "AnnouncementDrafted",
    "announcements": "SessionAnnounced",
    "postponements": "SessionPostponed",
    "revisions": "ProjectRevised",
    "corrections": "AnnouncementCorrected",
}
"""What stands in the journal under a request's key, where the request cannot come to nothing."""
UNNUMBERED = {"register", "write", "import", "forget"}
"""What is answered without the version and position that it came to."""
STANDS = {"cancellations": ("SessionCancelled", "SessionReinstated")}
"""What holds after a request that may have found it so: of these in its stream, the first was the last."""
BECAME = {
    "confirmations": {"RegistrationConfirmed", "WaitlistingConfirmed"},
    "withdrawals": {"RegistrationWithdrawn", "RegistrationLapsed"},
}


def broken(history: History, remains: Remains) -> list[str]:
    """Every promise that was broken; none when all is well."""
    walks = walk(remains.journals["events"])
    return [
        *answers(history),
        *outcomes(history),
        *journals(remains),
        *kept(history, remains),
        *streams(remains),
        *(fault for each in walks for fault in each.broken),
        *mails(history, remains, [*(told for each in walks for told in each.told), *catalogue.told(remains)]),
        *catalogue.broken(history, remains),
        *people(history, remains, walks),
        *(f"{table} is not what the journal makes of it" for table in remains.different),
        *([f"{remains.dead_letters} dead letters"] if remains.dead_letters else []),
    ]


def answers(history: History) -> Iterator[str]:
    """Errors are problems; of those on our side only the ones that say: not now.

    A mailed link leads somewhere, as long as whoever got it was not forgotten.
    """
    for attempt in history.attempts:
        status, where = attempt.status, f"{attempt.asked.method} {attempt.asked.path}"
        if status is None or status < 400:
            continue
        if status >= 500 and status not in UNAVAILABLE:
            yield f"{where} was answered {status}: {attempt.answer}"
        elif attempt.media_type != PROBLEM or "code" not in (attempt.answer or {}):
            yield f"{where} was answered {status} as {attempt.media_type}: {attempt.answer}"
        elif status == 404 and not _forgotten(history, attempt):
            yield f"{where} was not found"


def outcomes(history: History) -> Iterator[str]:
    """The same key always comes to the same; what was done is not refused later."""
    for asked, attempts in history.by_key():
        done = [attempt for attempt in attempts if attempt.done]
        if any(_came_to(attempt) != _came_to(done[0]) for attempt in done):
            yield f"{asked.kind} {asked.key} came to {[attempt.answer for attempt in done]}"
        first = min((attempt.ended for attempt in done), default=None)
        for attempt in attempts:
            refused = attempt.final and not attempt.done and not _forgotten(history, attempt)
            if first is not None and refused and attempt.began > first:
                yield f"{asked.kind} {asked.key} was done and then refused: {attempt.status} {attempt.answer}"


def _came_to(attempt: Attempt) -> object:
    """What an answer says for good: how far an import is may be another thing each time."""
    return attempt.answer["id"] if attempt.asked.kind == "import" else attempt.answer


def _forgotten(history: History, attempt: Attempt) -> bool:
    """Whether somebody was forgotten who wrote a text: nobody knows of it any more."""
    return attempt.asked.kind in {"write", "confirm_text"} and history.forgotten_before(
        attempt.asked.person, attempt.ended
    )


def journals(remains: Remains) -> Iterator[str]:
    """Positions, versions of streams and versions of aggregates have no holes."""
    for service, events in remains.journals.items():
        if [event.position for event in events] != list(range(1, len(events) + 1)):
            yield f"the positions of {service}'s journal have holes"
        versions: Counter[str] = Counter()
        for event in events:
            for name, version in ((event.stream, event.version), (event.aggregate, event.aggregate_version)):
                if name is None or version is None:
                    continue
                versions[name] += 1
                if version != versions[name]:
                    yield f"{service}: {event.id} is version {version} of {name} instead of {versions[name]}"


def kept(history: History, remains: Remains) -> Iterator[str]:
    """Every request that was answered 2xx is in the journal, once; one that was refused is not."""
    written: dict[tuple[str, object], list[Recorded]] = defaultdict(list)
    for service, events in remains.journals.items():
        for event in events:
            written[service, event.command_id].append(event)
    for asked, attempts in history.by_key():
        events = written[asked.service, asked.key]
        what = f"{asked.kind} {asked.key}"
        if any(later.position != earlier.position + 1 for earlier, later in pairwise(events)):
            yield f"{what} was recorded more than once: {[event.id for event in events]}"
        done = next((attempt for attempt in attempts if attempt.done), None)
        if done is not None:
            yield from (f"{what}: {fault}" for fault in _not_kept(done, events, remains, history))
        elif events and any(attempt.final and not _forgotten(history, attempt) for attempt in attempts):
            yield f"{what} was refused and is in the journal: {[event.id for event in events]}"


def _not_kept(done: Attempt, events: Sequence[Recorded], remains: Remains, history: History) -> Iterator[str]:
    asked = done.asked
    assert asked.key is not None
    result = remains.results[asked.service].get(asked.key)
    if result is None:
        if asked.kind != "forget" and not _forgotten(history, done):
            yield f"answered {done.status}, and nobody remembers it"
        return
    if asked.kind not in UNNUMBERED and (done.answer["version"], done.answer["position"]) != (
        result.version,
        result.position,
    ):
        yield f"answered {done.answer}, and it is remembered as {result}"
    if events and (events[-1].version, events[-1].position) != (result.version, result.position):
        yield f"it ends at {events[-1].id}, and is remembered as {result}"
    if not any(
        (event.stream, event.version) == (result.stream, result.version) for event in remains.journals[asked.service]
    ):
        yield f"{result.stream}@{result.version} is not in the journal"
    if asked.kind in WRITTEN and WRITTEN[asked.kind] not in {event.type for event in events}:
        yield f"{WRITTEN[asked.kind]} is not in the journal"
    if asked.kind in STANDS:
        happened = [
            event.type
            for event in remains.journals[asked.service]
            if event.stream == result.stream and event.version <= result.version and event.type in STANDS[asked.kind]
        ]
        if not happened or happened[-1] != STANDS[asked.kind][0]:
            yield f"{STANDS[asked.kind][0]} does not hold"
    if asked.kind in BECAME and not any(
        event.stream == result.stream
        and event.version <= result.version
        and event.type in BECAME[asked.kind]
        and event.data["registration_id"] == done.answer["id"]
        for event in remains.journals[asked.service]
    ):
        yield f"registration {done.answer['id']} knows nothing of it"


def streams(remains: Remains) -> Iterator[str]:
    """Each stream holds what its journal published, once and in order, and its chain is closed."""
    for service, messages in remains.streams.items():
        published = [event for event in remains.journals[service] if event.aggregate is not None]
        if [message.id for message in messages] != [event.id for event in published]:
            yield f"{service}'s stream is not its journal: {_difference(messages, published)}"
            continue
        previous = 0
        for message, event in zip(messages, published, strict=True):
            if message.previous != previous:
                yield f"the chain of {service}'s stream breaks at {message.id}"
            if (message.position, message.aggregate, message.aggregate_version) != (
                event.position,
                event.aggregate,
                event.aggregate_version,
            ):
                yield f"{service}'s stream has {message} for {event}"
            previous = message.position


def _difference(messages: Sequence[object], published: Sequence[Recorded]) -> str:
    there: Counter[str] = Counter(str(getattr(message, "id", "")) for message in messages)
    wanted = Counter(event.id for event in published)
    missing, more = list((wanted - there).elements()), list((there - wanted).elements())
    return f"missing {missing[:5]}, more than once or foreign {more[:5]}" if missing or more else "another order"


def people(history: History, remains: Remains, walks: Sequence[Walk]) -> Iterator[str]:
    """Everybody whose registration was accepted is registered, under one name."""
    known = {message_id(told): told.person for each in walks for told in each.told}
    addresses: dict[str, str] = {}
    for mail in remains.mails:
        person = known.get(mail.message_id)
        if person is not None and addresses.setdefault(mail.to, person) != person:
            yield f"{mail.to} is {person} and {addresses[mail.to]}"
    if len(set(addresses.values())) != len(addresses):
        yield f"one person has several addresses: {addresses}"
    sessions = {each.session: each for each in walks}
    for asked, attempts in history.by_key():
        if asked.kind != "register" or not any(attempt.done for attempt in attempts):
            continue
        session, person = asked.path.split("/")[2], addresses.get(asked.person)
        result = remains.results["events"].get(asked.key) if asked.key else None
        if person is None:
            yield f"{asked.person} was accepted for {session} and never got a mail"
        elif result is not None and not (session in sessions and sessions[session].holds(person, result.version)):
            yield f"{asked.person} was accepted for {session} and is not registered"


def mails(history: History, remains: Remains, everything: Sequence[Told]) -> Iterator[str]:
    """Everybody was told everything once, and what belongs to one session in order.

    A copy has the same Message-ID and a crash that explains it.
    """
    expected = {message_id(told): told for told in everything}
    copies: dict[str, list[Mail]] = defaultdict(list)
    for mail in remains.mails:
        copies[mail.message_id].append(mail)
    for number, told in expected.items():
        if told.surely and number not in copies:
            yield f"{told.person} was never told of {told.cause} ({told.kind})"
    for number in copies.keys() - expected.keys():
        yield f"nobody should have been told {number} (to {copies[number][0].to})"
    yield from _unexplained(history, [found for found in copies.values() if len(found) > 1])
    order = [(told, copies[number][0]) for number, told in expected.items() if told.session and number in copies]
    lane = sorted(order, key=lambda each: (each[0].session, each[0].person, each[1].received_at))
    for (session, person), found in groupby(lane, key=lambda each: (each[0].session, each[0].person)):
        versions = [told.version for told, _ in found]
        if versions != sorted(versions):
            yield f"{person} was told of {session} in another order: {versions}"


def _unexplained(history: History, repeated: Sequence[Sequence[Mail]]) -> Iterator[str]:
    """Each crash of who sends or takes mails explains one copy for each connection that was open then."""
    crashes = [
        fault.at
        for fault in history.faults
        if fault.what == "killed" and fault.target.partition("-")[0] in {"notify", "mailbox"}
        for _ in range(SMTP_CONNECTIONS)
    ]
    gaps = [(found[n].received_at.timestamp(), found[n + 1]) for found in repeated for n in range(len(found) - 1)]
    for before, copy in sorted(gaps, key=lambda gap: gap[1].received_at):
        between = [at for at in crashes if before - 1 <= at <= copy.received_at.timestamp()]
        if not between:
            yield f"{copy.message_id} was sent again though nobody had crashed"
        else:
            crashes.remove(between[0])


def message_id(told: Told) -> str:
    """The Message-ID that follows from whom is told what."""
    recorded = told.recorded_at.isoformat()
    found = uuid5(NAMESPACE_URL, f"ikz:message:{told.person}:{told.cause}:{recorded}:{told.kind}:email")
    return f"<{found}@{MAIL_DOMAIN}>"
