"""Sample letters to subscribers, for editors to look at: news one by one and collected, links to pages of one's own."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial

from services.notify import data_link_matter, digest_matter, follower_letter, subscription_matter
from services.notify.data_link_matter import DataLink
from services.notify.digest_matter import DigestCard, Item
from services.notify.followed import Followed, thing_of
from services.notify.letter import Letter
from services.notify.reasons import Follower, Reason
from services.notify.sample import ANY_ID, CONFIRM_BY, EMAIL, NEW, OLD, TOKEN, VENUE, Sample
from services.notify.subscription_matter import Waiting
from services.notify.subscription_wishes import SUBJECTS
from services.notify.texts import Text
from services.notify.things import Shown
from shared.contracts.catalog import (
    BestPracticeAwarded,
    CooperationRequestOpened,
    ProjectArchived,
    ProjectPublished,
    ProjectRevised,
    ResourcePublished,
)
from shared.contracts.events import (
    MaterialPublished,
    PublishedMaterial,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionPostponed,
    SessionRegistrationOpened,
    SessionReinstated,
    SessionScheduled,
    Times,
)
from shared.contracts.notify import AnnouncementPublished

TOPIC = Reason("topic", "topic", "Bauhof, Straßen- und Grünpflege")
SERIES = Reason("series", "series", "Digitale Sprechstunde")
PROJECT = Reason("project", "project", "Gemeinsamer Bauhof zweier Gemeinden")
SEARCH = Reason("search", "search", "„Bauhof“, im Umkreis von 30 km um Musterstadt")
EVERYTHING = Reason("kind", "kind", "Arbeitshilfen")

SUMMARY = "Zwei Gemeinden pflegen Straßen und Grünflächen mit gemeinsamem Personal und Gerät."
_SESSION = {"session_id": ANY_ID, "series_id": ANY_ID, "title": "Digitale Sprechstunde: Gemeinsame IT", "sequence": 1}
_AT = _SESSION | NEW.model_dump()
_PROJECT = {"project_id": ANY_ID, "title": PROJECT.title, "summary": SUMMARY, "topics": ("works_depot",)}
_SLIDES = PublishedMaterial(
    material_id=ANY_ID,
    title="Vortragsfolien",
    talk="Ein Rechenzentrum für fünf Kommunen",
    file_name="rechenzentrum.pdf",
    media_type="application/pdf",
    size=2_400_000,
)
_NEWS = {
    "announcement_id": ANY_ID,
    "title": "Neues Förderprogramm für gemeinsame IT",
    "teaser": "Gefördert werden bis zu 90 Prozent der Kosten.",
}

ANNOUNCED = SessionAnnounced.model_validate(_AT | {"mode": "in_person", "venue": VENUE})
POSTPONED = SessionPostponed.model_validate(_AT | {"previous": OLD, "reason": "Der Referent ist erkrankt."})
CANCELLED = SessionCancelled.model_validate(_AT | {"reason": "Der Referent ist erkrankt."})
PUBLISHED = ProjectPublished.model_validate(_PROJECT)
RESOURCE = ResourcePublished(
    resource_id=ANY_ID, kind="guide", title="Leitfaden zur gemeinsamen Vergabestelle", version=1
)
NEWS = AnnouncementPublished.model_validate(_NEWS | {"kind": "news"})
OF_SESSIONS: tuple[Followed, ...] = (
    ANNOUNCED,
    SessionRegistrationOpened.model_validate(_AT),
    SessionScheduled.model_validate(_AT | {"previous": Times()}),
    POSTPONED,
    CANCELLED,
    SessionReinstated.model_validate(_AT),
    SessionDocumented.model_validate(_AT),
    MaterialPublished.model_validate(_SESSION | {"release_id": ANY_ID, "items": (_SLIDES,)}),
)
OF_PROJECTS: tuple[Followed, ...] = (
    PUBLISHED,
    ProjectRevised.model_validate(_PROJECT | {"revision": 2}),
    ProjectArchived(project_id=ANY_ID, title=PROJECT.title, was_published=True),
    BestPracticeAwarded(
        project_id=ANY_ID,
        title=str(PROJECT.title),
        occasion="Kongress zur interkommunalen Zusammenarbeit",
        awarded_on=date(2025, 6, 24),
    ),
)
OTHERS: tuple[Followed, ...] = (
    RESOURCE,
    CooperationRequestOpened(
        cooperation_request_id=ANY_ID,
        kind="partner_sought",
        title="Wer teilt eine Kehrmaschine?",
        topics=("works_depot",),
        organisation_id=ANY_ID,
        expires_on=date(2025, 8, 29),
    ),
    NEWS,
    AnnouncementPublished.model_validate(
        _NEWS | {"kind": "project_portrait", "title": PROJECT.title, "teaser": SUMMARY, "project_id": ANY_ID}
    ),
)
SUBSCRIBERS = "wer das abonniert hat"
ANYBODY = "wer die Adresse angegeben hat"


def samples() -> Iterator[Sample]:
    """All of them."""
    for cause in OF_SESSIONS:
        yield _sample(cause, "wer die Veranstaltungsreihe abonniert hat", SERIES)
    for cause in OF_PROJECTS:
        yield _sample(cause, "wer das Projekt abonniert hat", PROJECT)
    yield _sample(PUBLISHED, "wer ein Themengebiet abonniert hat", TOPIC)
    yield _sample(PUBLISHED, "wer eine Suche gespeichert hat, sofort", SEARCH)
    for cause in OTHERS:
        yield _sample(cause, SUBSCRIBERS, TOPIC, EVERYTHING)
    yield _digest("saved_search_digest", "wer eine Suche gespeichert hat, gesammelt", (PUBLISHED,), SEARCH)
    news = (POSTPONED, PUBLISHED, RESOURCE, NEWS)
    yield _digest("digest", "wer Nachrichten gesammelt bekommt", news, SERIES, TOPIC, SEARCH)
    wished = ((SUBJECTS["topic"], str(TOPIC.title)), (SUBJECTS["search"], subscription_matter.SEARCHED))
    waiting = [Waiting(subject, title, CONFIRM_BY) for subject, title in wished]
    yield Sample("subscription_confirm", ANYBODY, partial(_page, "subscription_confirm", waiting))
    yield Sample("subscription_link", "wer etwas abonniert hat", partial(_page, "subscription_link", ()))
    link = DataLink(email=EMAIL, token=TOKEN, expires_at=CONFIRM_BY)
    yield Sample("data_link", "wer seine Daten sehen möchte", partial(data_link_matter.compose, link))


def _sample(cause: Followed, standing: str, *reasons: Reason) -> Sample:
    to = (_follower(reasons), reasons)
    letter = partial(follower_letter.compose, cause, _shown(cause), to)
    return Sample(follower_letter.text_for(cause, reasons), standing, letter)


def _digest(text: str, standing: str, causes: Sequence[Followed], *reasons: Reason) -> Sample:
    ids = tuple(each.subscription_id for each in reasons)
    items = [
        Item(follower_letter.text_for(cause, (TOPIC,)), thing_of(cause), shown.title, shown.times, ids)
        for cause in causes
        for shown in (_shown(cause),)
    ]
    return Sample(text, standing, partial(digest_matter.compose, DigestCard(_follower(reasons), items)))


def _follower(reasons: Sequence[Reason]) -> Follower:
    return Follower(EMAIL, TOKEN, {each.subscription_id: each for each in reasons})


def _shown(cause: Followed) -> Shown:
    of_session = hasattr(cause, "session_id") and hasattr(cause, "series_id")
    gone = isinstance(cause, SessionCancelled | ProjectArchived)
    return Shown(title=cause.title or "", times=NEW if of_session else None, gone=gone)


def _page(name: str, waiting: Sequence[Waiting], texts: Mapping[str, Text], portal: str) -> Letter:
    return subscription_matter.compose(texts[name], waiting, f"{portal}{subscription_matter.PAGE}{TOKEN}")
