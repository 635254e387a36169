"""Questions services ask each other over NATS request/reply, and the answers.

Personal data passes here and nowhere else. Whoever asks keeps the answer no longer than needed.
"""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.events import Mode, Place, Times


class _Rpc(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RecipientsAsked(_Rpc):
    """Who has to be told of something that happened to a session.

    With `registration_id` only that registration, in whatever state it is. Without it every registration that is not
    withdrawn or lapsed and was received before `as_of_version` of the session's stream (all of them when it is null):
    who registered after a postponement is not told of it. `after` is the `next` of the page before. With
    `session_as_of` the card's times and SEQUENCE are those of that version of the session's stream. With
    `group_message_id` those to whom an organiser writes, and what; with `feedback` those who are asked how the session
    was, each with a token of their own.
    """

    subject: ClassVar[str] = "rpc.events.recipients"

    session_id: str
    registration_id: str | None = None
    group_message_id: str | None = None
    feedback: bool = False
    as_of_version: int | None = None
    session_as_of: int | None = None
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=1000)


class SessionCard(Times):
    """What a message says about a session, as it is now; times and SEQUENCE may be asked for as they were.

    `previous` are the times before the latest postponement, `reason` that of the latest postponement or cancellation.
    `sequence` and the UID `session-<session_id>@interkommunal` are those of the calendar entry.
    """

    session_id: str
    series_id: str
    series_title: str
    title: str
    summary: str | None = None
    status: str
    mode: Mode
    previous: Times | None = None
    reason: str | None = None
    venue: Place | None = None
    hosts: tuple[str, ...] = ()
    free_of_charge: bool | None = None
    sequence: int
    version: int


class GroupMessage(_Rpc):
    """What an organiser writes to a group: plain text, paragraphs apart by an empty line."""

    subject: str
    text: str


class Recipient(_Rpc):
    """A registered person. `access_link` is there for confirmed people only; `waiting_position` counts from 1.

    `answer_by` is set while we ask whether the new date of a postponed session suits; who is `unanswered` by then keeps
    the place (`stay`) or gives it up (`go`).
    """

    registration_id: str
    person_id: str
    email: str
    name: str
    token: str
    status: Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"]
    confirm_by: AwareDatetime | None = None
    waiting_position: int | None = None
    access_link: str | None = None
    answer_by: AwareDatetime | None = None
    unanswered: Literal["stay", "go"] | None = None
    feedback_token: str | None = None


class RecipientsAnswered(_Rpc):
    """One page. An erased person is left out. `next` is null on the last page."""

    session: SessionCard
    recipients: tuple[Recipient, ...]
    group_message: GroupMessage | None = None
    next: str | None = None


class RegistrantsAsked(_Rpc):
    """Who has to be told of something that happened to a session, and how they stand: ids only.

    Asked as `RecipientsAsked` is. Where to write to is asked with `AddressesAsked` when a message is sent. With `alike`
    those who stand alike may be answered together.
    """

    subject: ClassVar[str] = "rpc.events.registrants"

    session_id: str
    registration_id: str | None = None
    group_message_id: str | None = None
    feedback: bool = False
    as_of_version: int | None = None
    session_as_of: int | None = None
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=5000)
    alike: bool = False


class Standing(_Rpc):
    """How a registered person stands. `waiting_position` counts from 1.

    `answer_by` is set while we ask whether the new date of a postponed session suits; who is `unanswered` by then keeps
    the place (`stay`) or gives it up (`go`).
    """

    status: Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"]
    confirm_by: AwareDatetime | None = None
    waiting_position: int | None = None
    answer_by: AwareDatetime | None = None
    unanswered: Literal["stay", "go"] | None = None


class Registrant(Standing):
    """A registered person."""

    registration_id: str
    person_id: str


class RegistrantsAlike(Standing):
    """Registered people who stand alike; each person is in the place that the registration has."""

    registration_ids: tuple[str, ...]
    person_ids: tuple[str, ...]


class RegistrantsAnswered(_Rpc):
    """One page, those who stand alike together or each alone. `next` is null on the last page."""

    session: SessionCard
    registrants: tuple[Registrant, ...] = ()
    alike: tuple[RegistrantsAlike, ...] = ()
    group_message: GroupMessage | None = None
    next: str | None = None


class AddressesAsked(_Rpc):
    """Where to write to about these registrations; with `feedback` each gets the token of who is asked for feedback."""

    subject: ClassVar[str] = "rpc.events.addresses"

    registration_ids: tuple[str, ...] = Field(max_length=500)
    feedback: bool = False


class RegistrantAddress(_Rpc):
    """Where to write to, and how the registration stands now. `access_link` is there for confirmed people only."""

    registration_id: str
    person_id: str
    email: str
    name: str
    token: str
    status: Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"]
    access_link: str | None = None
    feedback_token: str | None = None


class AddressesAnswered(_Rpc):
    """Those that are known; who was erased or forgotten is left out."""

    addresses: tuple[RegistrantAddress, ...]


class AudienceAsked(_Rpc):
    """Who can be written to about a session: whose registration stands and is confirmed, or who was there.

    `after` is the `next` of the page before.
    """

    subject: ClassVar[str] = "rpc.events.audience"

    session_id: str
    attended: bool = False
    after: str | None = None
    limit: int = Field(default=1000, ge=1, le=10_000)


class AudienceAnswered(_Rpc):
    """One page of people, each once, and what is to be said about the session. `next` is null on the last page."""

    session: SessionCard
    person_ids: tuple[str, ...]
    next: str | None = None


class QuestionLetterAsked(_Rpc):
    """What has to be written to somebody who asked a question, now that something happened to it."""

    subject: ClassVar[str] = "rpc.events.question"

    question_id: str


class QuestionLetter(_Rpc):
    """To one asker, about one question. `token` leads to the page of the question, `keyword` is what
    questions of its series are sent under.

    `question` is missing while the address is unproven: nobody else's text goes to it. `reason` is why it was declined,
    `answer` what was written in answer. Of a question that was merged, that of the one it went into.
    """

    question_id: str
    person_id: str
    email: str
    name: str
    token: str
    status: Literal["received", "submitted", "accepted", "merged", "declined", "answered", "withdrawn", "lapsed"]
    confirm_by: AwareDatetime | None = None
    question: str | None = None
    reason: str | None = None
    answer: str | None = None
    published: bool = False
    keyword: str | None = None
    session: SessionCard


class QuestionLetterAnswered(_Rpc):
    """The letter; none when the person was erased or the question is gone."""

    letter: QuestionLetter | None = None


class AskersAsked(_Rpc):
    """Who waits for an answer at a session without holding a place there. `after` is the `next` of the page before."""

    subject: ClassVar[str] = "rpc.events.askers"

    session_id: str
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=1000)


class Asker(_Rpc):
    """Somebody, and one of the questions that wait: what is written is asked for with `rpc.events.question`."""

    person_id: str
    question_id: str


class AskersAnswered(_Rpc):
    """One page. `next` is null on the last one."""

    askers: tuple[Asker, ...]
    next: str | None = None


class KnownAsked(_Rpc):
    """Which of these does the catalogue not know: codes of topics, keys (AGS), ids of organisations and projects."""

    subject: ClassVar[str] = "rpc.catalog.known"

    topics: tuple[str, ...] = Field(default=(), max_length=100)
    ags: tuple[str, ...] = Field(default=(), max_length=100)
    projects: tuple[str, ...] = Field(default=(), max_length=100)
    organisations: tuple[str, ...] = Field(default=(), max_length=100)


class KnownAnswered(_Rpc):
    """What of it is unknown, in the order of the question. A project that readers cannot see is unknown, too."""

    unknown_topics: tuple[str, ...] = ()
    unknown_ags: tuple[str, ...] = ()
    unknown_projects: tuple[str, ...] = ()
    unknown_organisations: tuple[str, ...] = ()


class SearchKeysAsked(_Rpc):
    """What makes up these searches of the catalogue? Each is the parameters of `GET /projects`, with all their values.

    What only orders or pages a list is left out of the answer.
    """

    subject: ClassVar[str] = "rpc.catalog.search_keys"

    searches: tuple[dict[str, tuple[str, ...]], ...] = Field(max_length=100)


class SearchProblem(_Rpc):
    """Why a search cannot be saved: `field` is the parameter."""

    field: str
    code: str
    detail: str


class KeyGroup(_Rpc):
    """A project that a search finds has one of these keys: one that has a `sure` key fits in this, others perhaps."""

    sure: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()


class SearchKeys(_Rpc):
    """A search in canonical form, and what a project needs to be found by it: a key of every group.

    Where some have only a likely key, or with `needs_proof`, the keys alone do not tell; ask `rpc.catalog.fits`.
    `label` says in German what is asked for. `near` and `within_km` are there where the distance counts. With
    `problems` there is nothing else.
    """

    search: dict[str, tuple[str, ...]] = {}
    label: str = ""
    groups: tuple[KeyGroup, ...] = ()
    needs_proof: bool = False
    near: str | None = None
    within_km: float | None = None
    problems: tuple[SearchProblem, ...] = ()


class SearchKeysAnswered(_Rpc):
    """In the order of the question. Keys that were made by other `rules` cannot be compared."""

    searches: tuple[SearchKeys, ...]
    rules: str


class ProjectKeysAsked(_Rpc):
    """What is a project found by, as its event of that `version` left it?"""

    subject: ClassVar[str] = "rpc.catalog.project_keys"

    project_id: str
    version: int


class ProjectKeys(_Rpc):
    """A public version's keys, and how many kilometres the project is from every municipality (by its AGS)."""

    keys: tuple[str, ...]
    reach: dict[str, float] = {}


class ProjectKeysAnswered(_Rpc):
    """`before` is what was public of it before that event; null when nothing was.

    `project` is null when nothing of the project is public, by then or by now: nobody is told of it any more.
    """

    project: ProjectKeys | None = None
    before: ProjectKeys | None = None
    rules: str


class FitsAsked(_Rpc):
    """Which of these searches, in canonical form, find a project as its event of that `version` left it?

    Those that would have found it before that event, too, are none of them.
    """

    subject: ClassVar[str] = "rpc.catalog.fits"

    project_id: str
    version: int
    searches: tuple[dict[str, tuple[str, ...]], ...] = Field(max_length=500)


class FitsAnswered(_Rpc):
    """The places of the searches that fit in the question, from 0 on."""

    fitting: tuple[int, ...] = ()


class OrganisationsOfTypesAsked(_Rpc):
    """Which organisations are of one of these types? `after` is the `next` of the page before."""

    subject: ClassVar[str] = "rpc.catalog.organisations_of_types"

    types: tuple[str, ...] = Field(max_length=100)
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=1000)


class OrganisationsOfTypesAnswered(_Rpc):
    """One page of ids, those of entries that were merged into such an organisation among them."""

    organisation_ids: tuple[str, ...]
    unknown_types: tuple[str, ...] = ()
    next: str | None = None


class StepAsked(_Rpc):
    """Whom to remind of a step of an undertaking that is due on that day, and of what."""

    subject: ClassVar[str] = "rpc.catalog.step"

    undertaking_id: str
    step_id: str
    due_on: date


class StepReminder(_Rpc):
    """What a reminder says. It is for the members of `organisation_id`; `owner` is the function that takes care.

    `organisation_ids` are all ids that mean this organisation, of entries that were merged into it, too.
    """

    organisation_id: str
    organisation_ids: tuple[str, ...] = ()
    organisation: str
    undertaking: str
    step: str
    owner: str | None = None


class StepAnswered(_Rpc):
    """The reminder; none when that date holds no more, or there is no such step."""

    reminder: StepReminder | None = None


class ProjectLetterAsked(_Rpc):
    """What has to be written about the event at this `version` of a project's stream."""

    subject: ClassVar[str] = "rpc.catalog.project_letter"

    project_id: str
    version: int


class ReturnedField(_Rpc):
    """What an editor asks for in one field, by its German name."""

    field: str
    reason: str


class ProjectLetter(_Rpc):
    """A project was published or given back, or nobody has confirmed its contact for a year.

    `title` is that of what was decided on. `submitted_by` is who had handed it in, as the catalogue's journal names
    people (a person's id, or `token:<label>`); `contact_id` the person at whose address the contact is reached, given
    for a review alone. `reason` and `reasons` are an editor's words, for who handed it in and nobody else.
    """

    project_id: str
    about: Literal["published", "returned", "review_due"]
    title: str
    of_revision: bool = False
    reason: str | None = None
    reasons: tuple[ReturnedField, ...] = ()
    submitted_by: str | None = None
    contact_id: str | None = None
    unconfirmed_since: AwareDatetime | None = None


class ProjectLetterAnswered(_Rpc):
    """The letter; none when it would not be true any more: handed in again, archived, confirmed meanwhile."""

    letter: ProjectLetter | None = None


class CooperationLetterAsked(_Rpc):
    """What is to be said about these cooperation requests, and whom they concern."""

    subject: ClassVar[str] = "rpc.catalog.cooperation_letter"

    cooperation_request_ids: tuple[str, ...] = Field(max_length=10)


class CooperationLetter(_Rpc):
    """A cooperation request as everybody can read it, and whose it is.

    `kind_label` is German, as is each topic. `organisation_ids` are all ids that mean the organisation, of entries that
    were merged into it, too; its members are told, and `contact_id`, whose address texts for it are sent to.
    """

    cooperation_request_id: str
    open: bool
    title: str
    kind: str
    kind_label: str
    topics: tuple[str, ...] = ()
    organisation: str
    organisation_ids: tuple[str, ...]
    contact_id: str | None = None
    expires_on: date


class CooperationLetterAnswered(_Rpc):
    """Those of them that there are, in the order of the question."""

    letters: tuple[CooperationLetter, ...] = ()


class PeopleAsked(_Rpc):
    """Where people are reached: named by id, as members of organisations, by role, or as who did something.

    `actors` are people as journals name them: a person's id, or `token:<label>`. Who is meant in several ways is
    answered once. `after` is the `next` of the page before.
    """

    subject: ClassVar[str] = "rpc.gateway.people"

    person_ids: tuple[str, ...] = Field(default=(), max_length=1000)
    organisation_ids: tuple[str, ...] = Field(default=(), max_length=1000)
    roles: tuple[Literal["member", "editor", "operator"], ...] = ()
    actors: tuple[str, ...] = Field(default=(), max_length=1000)
    after: str | None = None
    limit: int = Field(default=500, ge=1, le=1000)


class PersonReached(_Rpc):
    """A person's address; of somebody who can sign in also the roles, and the organisations of a member."""

    person_id: str
    email: str
    roles: tuple[str, ...] = ()
    organisation_ids: tuple[str, ...] = ()


class PeopleAnswered(_Rpc):
    """One page, in the order of ids. Erased people are left out. `next` is null on the last page."""

    people: tuple[PersonReached, ...]
    next: str | None = None


class SignInAsked(_Rpc):
    """Send somebody the link to sign in. Asked again with the same `request_id`, it is sent once.

    `token` ends the link's address (`/anmelden/<token>`); who made it lets it be used once, until `valid_until`. Nobody
    is sent a link that is no longer valid, and the token is forgotten with the mail.
    """

    subject: ClassVar[str] = "rpc.notify.sign_in"

    request_id: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    person_id: str
    token: str = Field(min_length=16, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")
    valid_until: AwareDatetime


class SignInAnswered(_Rpc):
    """The mail is written down and will be sent; `false` to whom nothing can be sent: erased, or out of time."""

    accepted: bool


class ContactAsked(_Rpc):
    """What has to be written about a contact request, and to whom.

    With `confirmed` what is passed on to the contact, else the link for the sender. Nothing is answered that is out of
    time: a link that was used or has lapsed, a text that was passed on long ago.
    """

    subject: ClassVar[str] = "rpc.catalog.contact"

    contact_request_id: str
    confirmed: bool


class ContactMessage(_Rpc):
    """What somebody wrote, in the sender's own words; `email` is where the answer goes."""

    name: str
    email: str
    organisation_name: str | None = None
    subject: str | None = None
    text: str


class ContactLetter(_Rpc):
    """One letter. `person_id` is whose mailbox it goes to, `sender_id` who wrote: an erasure of either forgets it.

    `about` names what the request is about as everybody can read it. `token` leads to the page that
    confirms, until `confirm_by`. `message` is there for the contact alone, never in a letter to an unproven address.
    """

    person_id: str
    sender_id: str
    email: str
    about_kind: Literal["project", "cooperation_request"]
    about_id: str
    about: str
    token: str | None = None
    confirm_by: AwareDatetime | None = None
    message: ContactMessage | None = None


class ContactAnswered(_Rpc):
    """The letter; none when somebody was erased, the address was taken away, or it is too late."""

    letter: ContactLetter | None = None


class TitlesAsked(_Rpc):
    """What these are called: topics by code, municipalities and districts by AGS, projects by id."""

    subject: ClassVar[str] = "rpc.catalog.titles"

    topics: tuple[str, ...] = Field(default=(), max_length=200)
    ags: tuple[str, ...] = Field(default=(), max_length=200)
    projects: tuple[str, ...] = Field(default=(), max_length=200)


class TitlesAnswered(_Rpc):
    """By code, AGS or id as asked. What the catalogue does not know, or readers cannot see, is missing."""

    topics: dict[str, str] = {}
    ags: dict[str, str] = {}
    projects: dict[str, str] = {}


class SeriesTitlesAsked(_Rpc):
    """What these series are called."""

    subject: ClassVar[str] = "rpc.events.series_titles"

    series: tuple[str, ...] = Field(default=(), max_length=200)


class SeriesTitlesAnswered(_Rpc):
    """By id; an unknown series is missing."""

    series: dict[str, str] = {}


class AboutPersonAsked(_Rpc):
    """Everything that a service keeps about a person. `after` is the `next` of the page before.

    `email` is the person's address, for what is kept by a keyed hash of it; null where it is not known any more.
    """

    person_id: str
    email: str | None = None
    after: str | None = Field(default=None, max_length=300)

    @staticmethod
    def subject(service: str) -> str:
        """Where that service answers."""
        return f"rpc.{service}.about_person"


class Detail(_Rpc):
    """One thing that is known: for programs `name` and `value`, for people `label` and `shown`."""

    name: str
    label: str
    value: str | bool | int | tuple[str, ...] | None
    shown: str


class KeptRecord(_Rpc):
    """What is kept together, such as a registration. `stays` says why an erasure leaves it; null of what goes."""

    kind: str
    label: str
    details: tuple[Detail, ...] = ()
    stays: str | None = None


class AboutPersonAnswered(_Rpc):
    """One page. `erased`: the service was told to forget this person. `next` is null on the last page."""

    records: tuple[KeptRecord, ...] = ()
    erased: bool = False
    next: str | None = None


class DataLinkAsked(_Rpc):
    """Where to send the link to one's own data, which somebody asked for."""

    subject: ClassVar[str] = "rpc.gateway.data_link"

    person_id: str
    link_id: str


class DataLinkAnswered(_Rpc):
    """The address and the link's token; both null when it has expired, was used up, or the person was erased."""

    email: str | None = None
    token: str | None = None
    expires_at: AwareDatetime | None = None
