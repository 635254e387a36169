"""What the catalogue's events come to, reckoned apart from the service: texts, files, imports, pairs, topics."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from tests.faults.admission import Told
from tests.faults.desk import KINDS, ROWS, title_of
from tests.faults.history import Asked, History
from tests.faults.remains import Recorded, Remains


@dataclass(slots=True)
class Text:
    """A text for a contact: the links that were sent for it, its confirmation, and what is known of its end."""

    id: str
    person: str
    contact: str | None = None
    invitations: list[Recorded] = field(default_factory=list)
    confirmed: Recorded | None = None
    ends: list[str] = field(default_factory=list)


def texts(remains: Remains) -> dict[str, Text]:
    """All texts by their ids."""
    found: dict[str, Text] = {}
    contacts: dict[str, str] = {}
    for event in remains.journals["catalog"]:
        match event.type:
            case "ContactAddressSet":
                contacts[event.data["about_id"]] = event.data["person_id"]
            case "ContactRequestReceived" | "ContactLinkRequested":
                number, person = event.data["contact_request_id"], event.data["person_id"]
                found.setdefault(number, Text(number, person)).invitations.append(event)
            case "ContactRequestConfirmed":
                text = found[event.data["contact_request_id"]]
                text.confirmed, text.contact = event, contacts.get(event.data["about_id"])
            case "ContactRequestPassedOn" | "ContactRequestUndeliverable":
                found[event.data["contact_request_id"]].ends.append(event.type)
            case _:
                pass
    return found


def erased(remains: Remains) -> set[str]:
    """Whom the gateway was asked to forget."""
    return {event.data["person_id"] for event in remains.journals["gateway"] if event.type == "PersonErased"}


def told(remains: Remains) -> list[Told]:
    """Who is to be told of texts. Not surely who was forgotten, nor of a link beside the one that was followed."""
    gone, found = erased(remains), []
    for text in texts(remains).values():
        followed = text.confirmed is not None and len(text.invitations) > 1
        for event in text.invitations:
            surely = text.person not in gone and not followed
            found.append(_told(text.person, "contact_confirmation", event, surely=surely))
        if text.confirmed and text.contact:
            surely = not {text.person, text.contact} & gone
            found.append(_told(text.contact, "contact_passed_on", text.confirmed, surely=surely))
    return found


def _told(person: str, kind: str, event: Recorded, *, surely: bool) -> Told:
    return Told("", person, "", kind, event.id, event.version, event.recorded_at, surely)


def waits(remains: Remains) -> Iterator[str]:
    """What has not come to its end yet."""
    gone = erased(remains)
    for text in texts(remains).values():
        if text.confirmed and text.person not in gone and not text.ends:
            yield f"nobody knows whether the text {text.id} was passed on"
    for service, people in remains.forgotten.items():
        for person in gone - people:
            yield f"{service} has not forgotten {person}"
    yield from (f"{person} was erased and is kept in the catalogue" for person in remains.kept & gone)
    if remains.topics != merged(remains.journals["catalog"]):
        yield f"events takes topics for {remains.topics}, which were merged to {merged(remains.journals['catalog'])}"
    yield from (f"the import {number} never ended" for number in _running(remains))
    yield from (f"nobody told {one} and {other} of each other" for one, other in _pairs(remains) - _matched(remains))


def broken(history: History, remains: Remains) -> Iterator[str]:
    """Every promise about the catalogue that was broken."""
    yield from waits(remains)
    yield from _texts(history, remains)
    yield from _files(history, remains)
    yield from _imports(history, remains)
    pairs = Counter(_told_of(event) for event in remains.journals["catalog"] if event.type == MATCHED)
    yield from (f"{sorted(pair)} were told of each other {times} times" for pair, times in pairs.items() if times > 1)
    public = _public(remains.journals["catalog"])
    if set(remains.found) != {len(public)}:
        yield f"the search finds {remains.found} of {len(public)} public projects"


def merged(journal: Sequence[Recorded]) -> dict[str, str]:
    """Where each topic leads that is gone."""
    leads: dict[str, str] = {}
    for event in journal:
        if event.type == "TopicMerged":
            leads = {topic: event.data["into"] if to == event.data["topic"] else to for topic, to in leads.items()}
            leads[event.data["topic"]] = event.data["into"]
    return leads


def _texts(history: History, remains: Remains) -> Iterator[str]:
    found, gone = texts(remains), erased(remains)
    for text in found.values():
        if len(text.ends) > 1 or "ContactRequestUndeliverable" in text.ends:
            yield f"the text {text.id} ended as {text.ends}"
    for asked in _done(history, "confirm_text"):
        confirmed = _text_of(asked, found, remains)
        if confirmed is None or confirmed.confirmed is None:
            yield f"a text of {asked.person} was confirmed, and the journal knows nothing of it"
    for asked, ended in _ends(history, "write"):
        written = _text_of(asked, found, remains)
        if written is not None and written.person not in gone and history.forgotten_since(asked.person, ended):
            yield f"{asked.person} wrote, was forgotten afterwards, and is known as {written.person}"


def _text_of(asked: Asked, found: Mapping[str, Text], remains: Remains) -> Text | None:
    """The text that a request was about, as its service remembers it."""
    result = remains.results["catalog"].get(asked.key) if asked.key else None
    return found.get(result.stream.partition("-")[2]) if result else None


def _files(history: History, remains: Remains) -> Iterator[str]:
    """Each file that was accepted is listed once, and can be had as it was; nothing else is."""
    sent: dict[str, set[str]] = defaultdict(set)
    for asked, attempts in history.by_key():
        if asked.kind != "attach":
            continue
        project, digest = asked.path.split("/")[2], hashlib.sha256(asked.body).hexdigest()
        sent[project].add(digest)
        listed = remains.downloads.get(project, []).count(digest)
        if any(attempt.done for attempt in attempts) and listed != 1:
            yield f"a file of project {project} is listed {listed} times: {remains.downloads.get(project)}"
    for project, listed_files in remains.downloads.items():
        if more := set(listed_files) - sent[project]:
            yield f"project {project} lists what nobody sent: {sorted(more)}"


def _imports(history: History, remains: Remains) -> Iterator[str]:
    """Each row of a file that was accepted became one public project, however many sent the file."""
    journal = remains.journals["catalog"]
    counts = {
        kind: Counter(event.data["content"]["title"] for event in journal if event.type == kind)
        for kind in ("ProjectDrafted", "ProjectPublished")
    }
    for office in {asked.person for asked in _done(history, "import")}:
        for title in (title_of(office, number) for number in range(ROWS)):
            times = [count[title] for count in counts.values()]
            if times != [1, 1]:
                yield f"the row {title} was drafted and published {times} times"


def _running(remains: Remains) -> set[str]:
    begun, ended = (
        {event.data["import_id"] for event in remains.journals["catalog"] if event.type == kind}
        for kind in ("ImportBegun", "ImportFinished")
    )
    return begun - ended


def _pairs(remains: Remains) -> set[frozenset[str]]:
    """Everybody who seeks fits everybody who offers: they are neighbours and speak of the same topic."""
    opened = [event.data for event in remains.journals["catalog"] if event.type == "CooperationRequestOpened"]
    sides = [[each["cooperation_request_id"] for each in opened if each["kind"] == kind] for kind in KINDS]
    return set(map(frozenset, product(*sides)))


def _matched(remains: Remains) -> set[frozenset[str]]:
    return {_told_of(event) for event in remains.journals["catalog"] if event.type == MATCHED}


def _told_of(event: Recorded) -> frozenset[str]:
    return frozenset((event.data["cooperation_request_id"], event.data["matched_request_id"]))


def _public(journal: Sequence[Recorded]) -> set[str]:
    return {event.data["project_id"] for event in journal if event.type == "ProjectPublished"}


def _done(history: History, kind: str) -> list[Asked]:
    return [asked for asked, _ in _ends(history, kind)]


def _ends(history: History, kind: str) -> list[tuple[Asked, float]]:
    """The requests of a kind that were answered 2xx, and when first."""
    return [
        (asked, min(attempt.ended for attempt in attempts if attempt.done))
        for asked, attempts in history.by_key()
        if asked.kind == kind and any(attempt.done for attempt in attempts)
    ]


MATCHED = "CooperationRequestMatched"
