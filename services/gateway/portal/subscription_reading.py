"""What the portal reads about subscriptions."""

import datetime as dt

from services.gateway.portal.reading import Read


class Kind(Read):
    """A kind of message; to some one can subscribe `by_itself`."""

    kind: str
    label: str
    by_itself: bool = False


class Offer(Read):
    """The kinds of message, and the words that whoever subscribes agrees to."""

    kinds: tuple[Kind, ...] = ()
    text: str = ""


class Subscription(Read):
    """One's own subscription."""

    id: str
    subject: str
    subject_label: str
    key: str | None = None
    title: str | None = None
    rhythm: str | None = None
    state: str
    state_label: str
    requested_at: dt.datetime
    confirm_by: dt.datetime | None = None
    confirmed_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    text_version: str = ""
    text: str | None = None

    @property
    def name(self) -> str:
        """What it is called; where its owner does not say, what it is."""
        return self.title or self.key or self.subject_label


class Preference(Read):
    """How often a kind of message is wanted by a channel, and what else there is."""

    kind: str
    kind_label: str = ""
    channel: str = "email"
    rhythm: str
    rhythms: tuple[str, ...] = ("immediate", "daily", "weekly", "off")


class Subscriber(Read):
    """One's own page."""

    email: str
    subscriptions: tuple[Subscription, ...] = ()
    preferences: tuple[Preference, ...] = ()
    digest_hour: int = 8
    digest_weekday: int = 1
    quiet_from: dt.time | None = None
    quiet_until: dt.time | None = None
    quiet_weekends: bool = False
    paused: bool = False
    paused_until: dt.datetime | None = None
    version: int = 0

    @property
    def texts(self) -> list[tuple[str, str]]:
        """The words that were agreed to, each version once."""
        said = {one.text_version: one.text for one in self.subscriptions if one.text}
        return sorted((version, text) for version, text in said.items() if text)

    def in_state(self, *states: str) -> list[Subscription]:
        """Those of the subscriptions."""
        return [one for one in self.subscriptions if one.state in states]


class UnsubscribeLink(Read):
    """What a link in a mail ends."""

    what: str
    label: str | None = None
