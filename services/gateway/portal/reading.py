"""What the portal reads from the services, as its pages show it. Fields that no page uses are not named here."""

import datetime as dt
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.portal import german

MOST_PARTNERS = 4
STEPS = {
    "published": "Veröffentlicht",
    "revised": "Geändert",
    "archived": "Archiviert",
    "restored": "Wieder aufgenommen",
}
PAST = {"held": "Durchgeführt", "documented": "Dokumentiert"}

type TagKind = Literal["", "good", "info", "warn", "bad"]


class Tag(NamedTuple):
    """A short word about something, and how it looks."""

    label: str
    kind: TagKind = ""


class Read(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FacetValue(Read):
    """A value to choose, and how many projects it would give."""

    value: str
    label: str
    count: int


class Listed[Item](Read):
    """One page of a list."""

    items: tuple[Item, ...] = ()
    next: str | None = None
    total: int = 0
    did_you_mean: str | None = None
    all_words: bool = True
    facets: dict[str, tuple[FacetValue, ...]] | None = None


class KeyFigure(Read):
    """A number that means nothing without its qualifier, source and date."""

    value: float
    qualifier: str
    qualifier_label: str
    counts: str
    source: str
    stated_on: dt.date
    note: str | None = None

    @property
    def before(self) -> str:
        """The qualifier before the number; nothing before an exact one."""
        return "" if self.qualifier == "exactly" else self.qualifier_label


class Group(Read):
    """Several topics."""

    code: str
    label: str


class Topic(Read):
    """A Themengebiet; `projects` counts the published ones."""

    code: str
    label: str
    group: Group
    projects: int = 0
    slug: str = ""
    former_codes: tuple[str, ...] = ()

    def goes_by(self, name: str) -> bool:
        """Whether its code, its German word or a code that was merged into it is this."""
        return name in (self.code, self.slug, *self.former_codes)


class Labelled(Read):
    """Something whose codes come with their German labels."""

    labels: dict[str, dict[str, str]] = Field(default_factory=dict)

    def label(self, field: str, code: str | None) -> str:
        """The German label of one of its codes; empty for none."""
        return self.labels.get(field, {}).get(code, code.replace("_", " ")) if code else ""

    def labelled(self, field: str) -> list[str]:
        """The German labels of all codes of one field."""
        return [self.label(field, code) for code in getattr(self, field)]


class Participation(Read):
    """An organisation in a project."""

    organisation_id: str
    name: str
    ags: str | None = None
    role: str
    task: str | None = None

    @property
    def href(self) -> str:
        """All projects that it takes part in."""
        return f"/projekte?organisation={self.ags or self.organisation_id}"


class ProjectShort(Labelled):
    """A project in a list."""

    id: str
    title: str
    summary: str | None = None
    topics: tuple[str, ...] = ()
    stage: str | None = None
    legal_form: str | None = None
    participations: tuple[Participation, ...] = ()
    participations_note: str | None = None

    @property
    def href(self) -> str:
        """Its page."""
        return f"/projekte/{self.id}"

    @property
    def topic_labels(self) -> list[str]:
        """Its topics in words."""
        return [self.label("topics", topic) for topic in self.topics]

    @property
    def stage_label(self) -> str:
        """How far it is, without what the vocabulary adds in brackets; empty when nobody said."""
        return self.label("stage", self.stage).partition(" (")[0]

    @property
    def partners_line(self) -> str:
        """Who takes part, in one line; empty when nobody is named."""
        names = list(dict.fromkeys(each.name for each in self.participations))
        shown, more = names[:MOST_PARTNERS], len(names) - MOST_PARTNERS
        if more > 0:
            shown.append("eine weitere Stelle" if more == 1 else f"{more} weitere Stellen")
        return german.listed(shown)


class Piece(Read):
    """A piece of a text; `mark`: it is what was looked for."""

    text: str
    mark: bool


class Highlights(Read):
    """Texts in which something was found, in pieces."""

    title: tuple[Piece, ...] | None = None
    summary: tuple[Piece, ...] | None = None
    text: tuple[Piece, ...] | None = None


class ProjectCard(ProjectShort):
    """A project in a list of results."""

    best_practice: bool = False
    highlights: Highlights | None = None


class Effect(Read):
    """Something that changed; `base_note` says so where a number has no stated base."""

    kind: str
    text: str | None = None
    value: float | None = None
    unit: str | None = None
    base: str | None = None
    base_note: str | None = None
    period: str | None = None
    source: str | None = None


class Method(Read):
    """How the work was organised."""

    name: str
    duration_weeks: int | None = None
    scope: str | None = None


class Milestone(Read):
    """A step that was reached, or is next."""

    text: str
    on: str | None = None
    reached: bool = False


class Component(Read):
    """A part of the solution."""

    name: str
    text: str | None = None
    link: str | None = None


class Reuse(Read):
    """Whether the result can be used again."""

    text: str


class Funding(Read):
    """Public money."""

    programme: str
    amount_eur: int | None = None
    approved_on: dt.date | None = None


class File(Read):
    """A file to download."""

    name: str
    size: int
    href: str

    @property
    def ending(self) -> str:
        """What its name ends with, as people write it: „PDF“."""
        return self.name.rpartition(".")[2].upper()


class Document(Read):
    """A paper of the project, somewhere else or as a file; `file_note` says so when neither is there."""

    title: str
    kind: str
    link: str | None = None
    file: File | None = None
    file_note: str | None = None


class Update(Read):
    """What was new in the project, as of a day."""

    id: str
    text: str
    on: dt.date


class Version(Read):
    """A step of the project's public life."""

    step: str
    at: dt.datetime
    changed: tuple[str, ...] = ()


class ProjectLink(Read):
    """Another project."""

    id: str
    title: str


class Contact(Read):
    """The office to turn to, never a person's address."""

    function: str | None = None
    office: str
    note: str | None = None


class Award(Read):
    """Why and when a project was shown as a good example."""

    occasion: str
    awarded_on: dt.date | None = None
    category: str | None = None


class Project(ProjectShort):
    """A project with everything: its Steckbrief."""

    description: str | None = None
    keywords: tuple[str, ...] = ()
    region: str | None = None
    start: str | None = None
    motives: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    success_factors: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    method: Method | None = None
    milestones: tuple[Milestone, ...] = ()
    components: tuple[Component, ...] = ()
    reuse: Reuse | None = None
    funding: tuple[Funding, ...] = ()
    predecessor: str | None = None
    predecessor_title: str | None = None
    successors: tuple[ProjectLink, ...] = ()
    documents: tuple[Document, ...] = ()
    contacts: tuple[Contact, ...] = ()
    contact_note: str | None = None
    contact_possible: bool = False
    best_practice: tuple[Award, ...] = ()
    updates: tuple[Update, ...] = ()
    versions: tuple[Version, ...] = ()
    legal_form_law: str | None = None
    status: str = "published"
    changed_at: dt.datetime

    @property
    def story(self) -> list[tuple[dt.datetime, str]]:
        """What happened to the page and when, the latest first."""
        return [(each.at, self._told(each)) for each in reversed(self.versions)]

    def _told(self, version: Version) -> str:
        fields = german.listed([self.label("field", name) for name in version.changed])
        word = STEPS.get(version.step, version.step)
        return f"{word}: {fields}" if fields else word

    @property
    def partners(self) -> list[tuple[Participation, str]]:
        """Each organisation once, with what it does; that it takes part goes without saying."""
        roles: dict[str, tuple[Participation, list[str]]] = {}
        for each in self.participations:
            role = "" if each.role == "participant" else self.label("role", each.role)
            roles.setdefault(each.organisation_id, (each, []))[1].extend(filter(None, (role, each.task)))
        return [(partner, ", ".join(dict.fromkeys(said))) for partner, said in roles.values()]


class ContactRequest(Read):
    """One's own text for a contact; name and text are gone once they are forgotten."""

    about_kind: str
    about_id: str
    about: str | None = None
    status: str
    status_label: str
    confirm_by: dt.datetime
    can_confirm: bool = False
    name: str | None = None
    subject: str | None = None
    message: str | None = None

    @property
    def href(self) -> str:
        """The page of what it is about."""
        return f"/{'projekte' if self.about_kind == 'project' else 'partnersuche'}/{self.about_id}"


class Asking(Read):
    """Whose a cooperation request is."""

    id: str
    name: str


class CooperationRequest(Labelled):
    """A request or an offer."""

    id: str
    kind: str
    organisation: Asking
    title: str
    text: str
    topics: tuple[str, ...] = ()
    sought: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    size_classes: tuple[str, ...] = ()
    radius_km: int | None = None
    legal_forms: tuple[str, ...] = ()
    status: str
    opened_at: dt.datetime
    expires_on: dt.date
    outcome: str | None = None
    project_id: str | None = None
    note: str | None = None
    contact_possible: bool = False

    @property
    def href(self) -> str:
        """Its page."""
        return f"/partnersuche/{self.id}"


class Reason(Read):
    """A part of a score."""

    points: int
    text: str


class Score(Read):
    """How well something fits, of a hundred."""

    points: int
    reasons: tuple[Reason, ...] = ()


class RequestMatch(Read):
    """A request that fits."""

    request: CooperationRequest
    score: Score


class ProjectMatch(Read):
    """A project that does something like it."""

    id: str
    title: str
    score: Score


class OrganisationMatch(Read):
    """An organisation with experience."""

    organisation: Asking
    projects: int
    score: Score


class Matches(Read):
    """What fits a request."""

    requests: tuple[RequestMatch, ...] = ()
    projects: tuple[ProjectMatch, ...] = ()
    organisations: tuple[OrganisationMatch, ...] = ()


class Organisation(Read):
    """A body in the directory."""

    id: str
    ags: str | None = None

    @property
    def key(self) -> str:
        """What names it in an address."""
        return self.ags or self.id


class Body(Organisation):
    """A body in the directory, with the names it is known by."""

    name: str
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Whether this is its name, or another one of its."""
        wanted = " ".join(name.split()).casefold()
        return any(" ".join(own.split()).casefold() == wanted for own in (self.name, *self.aliases))


class Facets(Read):
    """The values of every facet."""

    facets: dict[str, tuple[FacetValue, ...]] = Field(default_factory=dict)


class Times(Read):
    """A begin with or without an end, only a day, or neither."""

    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    date: dt.date | None = None


class Earlier(Times):
    """A date that was given up."""

    reason: str | None = None


class Series(Read):
    """A Veranstaltungsreihe."""

    id: str
    title: str
    slug: str
    format_label: str = ""


class Venue(Read):
    """Where people meet."""

    name: str
    address: str | None = None
    city: str | None = None

    @property
    def short(self) -> str:
        """Its name and town."""
        return ", ".join(filter(None, (self.name, self.city)))

    @property
    def line(self) -> str:
        """In one line."""
        return ", ".join(filter(None, (self.name, self.address, self.city)))


class SessionShort(Times):
    """A session in a list."""

    id: str
    series: Series | None = None
    title: str
    summary: str | None = None
    status: str
    status_label: str
    mode: str
    mode_label: str
    venue: Venue | None = None
    edition: int | None = None
    topics: tuple[str, ...] = ()
    free_of_charge: bool | None = None
    registration_required: bool | None = None
    registration_open: bool = False
    registration_opens_at: dt.datetime | None = None
    registration_closes_at: dt.datetime | None = None
    capacity: int | None = None
    seats_left: int | None = None
    waiting: int = 0
    waiting_list: str = "promote"
    full: bool = False
    postponed_from: tuple[Earlier, ...] = ()
    cancelled_reason: str | None = None

    @property
    def href(self) -> str:
        """Its page."""
        return f"/veranstaltungen/{self.id}"

    @property
    def cancelled(self) -> bool:
        """Whether it does not take place."""
        return self.status == "cancelled"

    def over(self, now: dt.datetime) -> bool:
        """Whether it is past: it was held, or its end has come, or that of its day where no end is known."""
        if self.status in {"held", "documented"}:
            return True
        if self.ends_at is not None:
            return self.ends_at <= now
        return self.date is not None and self.date < german.today(now)

    @property
    def moved_from(self) -> Earlier | None:
        """The date it was postponed from last."""
        return self.postponed_from[-1] if self.postponed_from else None

    @property
    def given_up(self) -> list[Earlier]:
        """The dates it was postponed from, oldest first; one that was open is none."""
        return [earlier for earlier in self.postponed_from if earlier.date]

    @property
    def where(self) -> str:
        """„Online“, or the place and its town."""
        return self._at(self.venue.short if self.venue else None)

    @property
    def whole_place(self) -> str:
        """„Online“, or the place with its address."""
        return self._at(self.venue.line if self.venue else None)

    def _at(self, place: str | None) -> str:
        if self.mode == "online" or place is None:
            return self.mode_label
        return f"{place} und online" if self.mode == "hybrid" else place

    def tags(self, now: dt.datetime) -> list[Tag]:
        """What is good to know before opening its page."""
        if self.cancelled:
            return [Tag("Abgesagt", "bad")]
        found = []
        if self.moved_from:
            found.append(Tag("Verschoben" if self.date else "Verschoben, neuer Termin offen", "warn"))
        if self.over(now):
            found.append(Tag(PAST.get(self.status, "Vergangen")))
        elif self.registration_open:
            waits = "Ausgebucht" if self.waiting_list == "none" else "Warteliste"
            found.append(Tag(waits, "warn") if self.full else Tag("Anmeldung offen", "good"))
        elif self.status == "registration_closed":
            found.append(Tag("Anmeldung geschlossen"))
        if self.free_of_charge and not self.over(now):
            found.append(Tag("Kostenfrei"))
        return found


class Action(Read):
    """What a reader can do next, and what of the announcement it leads to."""

    label: str
    target: str


class News(Read):
    """An announcement in a list."""

    id: str
    kind_label: str
    title: str
    teaser: str
    session_id: str | None = None
    project_id: str | None = None
    resource_id: str | None = None
    actions: tuple[Action, ...] = ()
    published_at: dt.datetime | None = None
    published_on: dt.date | None = None
    date_note: str | None = None
    corrected_at: dt.datetime | None = None
    correction: str | None = None

    @property
    def links(self) -> list[tuple[str, str]]:
        """Where its actions lead, and what they are called; one that leads nowhere yet is left out."""
        of_session = f"/veranstaltungen/{self.session_id}" if self.session_id else None
        targets = {
            "session": of_session,
            "registration": of_session and f"{of_session}#anmeldung",
            "talks": of_session and f"{of_session}#programm",
            "agenda": of_session and f"{of_session}#programm",
            "project": f"/projekte/{self.project_id}" if self.project_id else None,
            "projects": "/projekte",
            "resource": f"/arbeitshilfen#{self.resource_id}" if self.resource_id else "/arbeitshilfen",
        }
        found = ((targets.get(action.target), action.label) for action in self.actions)
        return [(href, label) for href, label in found if href]


class Article(News):
    """A whole announcement. `body` is plain text, its paragraphs separated by an empty line."""

    body: str = ""


class ResourceFile(Read):
    """A file to download."""

    name: str
    type_label: str
    size: int
    href: str


class ResourceVersion(Read):
    """A version of an Arbeitshilfe; the file may be missing."""

    version: int
    published_at: dt.datetime
    file: ResourceFile | None = None


class Downloads(Read):
    """How often its files were downloaded, roughly."""

    at_least: int = 0
    label: str = ""


class Resource(Labelled):
    """An Arbeitshilfe; `file_note` says so when its file is missing."""

    id: str
    kind: str
    title: str
    summary: str
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    publisher: str | None = None
    issued_on: dt.date | None = None
    link: str | None = None
    file_note: str | None = None
    version: int = 1
    file: ResourceFile | None = None
    versions: tuple[ResourceVersion, ...] = ()
    downloads: Downloads = Downloads()

    @property
    def earlier(self) -> list[ResourceVersion]:
        """Earlier versions that have a file."""
        return [each for each in self.versions if each.version != self.version and each.file]


class FeedbackOption(Read):
    """One of the answers to choose from."""

    value: str
    label: str


class FeedbackQuestion(Read):
    """A question about a session that is over."""

    key: str
    label: str
    kind: str
    options: tuple[FeedbackOption, ...] = ()


class FeedbackForm(Read):
    """What is asked of those who took part."""

    title: str
    closes_at: dt.datetime
    questions: tuple[FeedbackQuestion, ...]
