"""A session as schema.org's `Event`, for search engines: what its page says, and never the access link."""

from typing import Any

from services.gateway.portal import german
from services.gateway.portal.reading import Times
from services.gateway.portal.session_reading import Session

SCHEMA = "https://schema.org"
MODES = {"online": "Online", "in_person": "Offline", "hybrid": "Mixed"}


def event_of(session: Session, portal_url: str) -> dict[str, Any]:
    """The session in words of schema.org; what nobody knows is left out."""
    page = f"{portal_url}{session.href}"
    said = {
        "@context": SCHEMA,
        "@type": "Event",
        "url": page,
        "name": session.title,
        "description": session.summary or session.description,
        "inLanguage": "de",
        "startDate": _begin(session),
        "endDate": german.iso(session.ends_at) if session.ends_at else None,
        "previousStartDate": [_begin(earlier) for earlier in session.given_up],
        "eventStatus": f"{SCHEMA}/{_status(session)}",
        "eventAttendanceMode": f"{SCHEMA}/{MODES[session.mode]}EventAttendanceMode" if session.mode in MODES else None,
        "location": _places(session, page),
        "isAccessibleForFree": session.free_of_charge,
        "organizer": [_organisation(name) for name in session.hosts],
        "funder": [_organisation(name) for name in session.funders],
        "superEvent": _series(session, portal_url),
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def _begin(times: Times) -> str | None:
    known = times.starts_at or times.date
    return german.iso(known) if known else None


def _status(session: Session) -> str:
    if session.cancelled:
        return "EventCancelled"
    if session.moved_from is None:
        return "EventScheduled"
    return "EventRescheduled" if session.date else "EventPostponed"


def _places(session: Session, page: str) -> list[dict[str, Any]]:
    places: list[dict[str, Any]] = []
    if session.mode != "online" and session.venue:
        address = ", ".join(filter(None, (session.venue.address, session.venue.city)))
        places.append({"@type": "Place", "name": session.venue.name} | ({"address": address} if address else {}))
    if session.mode != "in_person":
        places.append({"@type": "VirtualLocation", "url": page})
    return places


def _organisation(name: str) -> dict[str, str]:
    return {"@type": "Organization", "name": name}


def _series(session: Session, portal_url: str) -> dict[str, str] | None:
    if session.series is None:
        return None
    address = f"{portal_url}/veranstaltungen?reihe={session.series.slug}"
    return {"@type": "EventSeries", "name": session.series.title, "url": address}
