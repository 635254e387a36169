"""One's own subscriptions behind the link in a mail, and the page that ends one. Looking changes nothing."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from services.gateway.guard import refuse_pages_of_others
from services.gateway.portal import forms
from services.gateway.portal.forms import Form
from services.gateway.portal.personal import PRIVATE, dead_link, token_of
from services.gateway.portal.portal import Portal
from services.gateway.portal.services import Missing, Refusal
from services.gateway.portal.subscribing import RHYTHMS
from services.gateway.portal.subscription_reading import Subscriber, UnsubscribeLink
from services.gateway.upstream import Down
from shared.kernel.problems import Problem

NOT_POSSIBLE = "Das ist zurzeit nicht möglich."
SETTINGS = "einstellungen"
DONE = {
    "bestaetigen": "Bestätigt. Wir schreiben Ihnen, sobald es etwas Neues gibt.",
    "beenden": "Abbestellt. Eine E-Mail, die schon unterwegs ist, kann Sie noch erreichen.",
    "wieder": "Abonniert. Wir schreiben Ihnen wieder dazu.",
    "haeufigkeit": "Gespeichert, wie oft wir Ihnen dazu schreiben.",
    "pause": "Die Pause hat begonnen.",
    "fortsetzen": "Die Pause ist beendet.",
    SETTINGS: "Ihre Einstellungen sind gespeichert.",
}
"""What is said when a button has done what it is for; its name stands in the page's address then."""
WISHES: dict[str, str] = {**{str(rhythm): label for rhythm, label in RHYTHMS.items()}, "off": "Nie"}
FIELDS = {"/until": "bis", "/quiet_from": "ruhe_von", "/quiet_until": "ruhe_bis"}
"""Where in the forms something stands that the service finds wrong."""
OVERTAKEN = "Ihre Einstellungen wurden inzwischen an anderer Stelle geändert. So stehen sie jetzt."
WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
LINK = re.compile(r"[A-Za-z0-9_-]{16,160}")
KIND = "art."
UNKNOWN = "abonnement_unbekannt.html"


async def page(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Everything, with the buttons that make sense, and what the last one of them did."""
    return await _page(portal, request, done=DONE.get(request.query.get("erledigt", ""), ""))


async def back(_portal: Portal, request: web.Request) -> web.StreamResponse:
    """Whoever comes to a button's address by a link gets the page with the buttons."""
    raise web.HTTPSeeOther(f"/abonnement/{token_of(request)}", headers=PRIVATE)


async def change(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Does what one of the buttons is for, and shows how everything stands then."""
    refuse_pages_of_others(request.headers)
    token, fields, pressed = token_of(request), await forms.typed(request), request.match_info["change"]
    command, body = _command(pressed, fields)
    try:
        await portal.services.command("notify", f"/api/v1/subscriptions/{token}/{command}", body)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as no:
        return await _page(portal, request, _refused(no, fields))
    raise _seen(token, pressed)


async def prefer(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Takes the form about kinds and times."""
    refuse_pages_of_others(request.headers)
    token, fields = token_of(request), await forms.typed(request)
    path = f"/api/v1/subscriptions/{token}"
    version = fields.get("version", "")
    try:
        shown = await portal.services.read("notify", path, Subscriber)
        body = _preferences(shown, fields)
        known = version if version.isascii() and version.isdigit() else "0"
        await portal.services.replace("notify", f"{path}/preferences", body, known)
    except Missing as missing:
        raise Problem("not_found") from missing
    except Refusal as no:
        if no.code != "stale_version" or not await _saved(portal, path, fields):
            return await _page(portal, request, _refused(no, fields))
    raise _seen(token, SETTINGS)


async def _saved(portal: Portal, path: str, fields: Mapping[str, str]) -> bool:
    """Whether everything is as the form says by now: whoever clicked twice has overtaken themselves."""
    shown = await portal.services.read("notify", path, Subscriber)
    return _preferences(shown, fields) == _preferences(shown, _settings(shown))


def _seen(token: str, pressed: str) -> web.HTTPSeeOther:
    """To the page, where it is said that it is done; loading that once more does nothing again."""
    return web.HTTPSeeOther(f"/abonnement/{token}?erledigt={pressed}", headers=PRIVATE)


def _refused(no: Refusal, fields: Mapping[str, str]) -> Form:
    """What was typed, and what is wrong with which field, or with all of it."""
    if no.code == "stale_version":
        return Form("", notice=OVERTAKEN)
    errors = {FIELDS[field]: error.get("detail", "") for error in no.errors if (field := error.get("field")) in FIELDS}
    said = " ".join(filter(None, (error.get("detail", "") for error in no.errors)))
    return Form("", fields, errors, "" if errors else said or no.detail or NOT_POSSIBLE)


def _command(change: str, fields: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """What a button asks for: its command and body."""
    one = fields.get("abo", "")
    named = {"subscription_ids": [one]} if one else {}
    match change:
        case "bestaetigen":
            return "confirmations", named
        case "beenden":
            return "endings", named
        case "wieder":
            return "renewals", {"subscription_ids": [one]}
        case "haeufigkeit":
            return "rhythms", {"subscription_id": one, "rhythm": fields.get("rhythm") or None}
        case "pause":
            return "pauses", {"until": fields.get("bis", "").strip()[:100] or None}
        case _:
            return "resumptions", {}


def _preferences(shown: Subscriber, fields: Mapping[str, str]) -> dict[str, Any]:
    """What the form says of mails; what was said of other channels stays."""
    kept = [one for one in shown.preferences if one.channel != "email"]
    said = [(one.kind, fields.get(KIND + one.kind, one.rhythm)) for one in shown.preferences if one.channel == "email"]
    return {
        "preferences": [
            *({"kind": kind, "channel": "email", "rhythm": rhythm or "immediate"} for kind, rhythm in said),
            *(one.model_dump(include={"kind", "channel", "rhythm"}) for one in kept),
        ],
        "digest_hour": _number(fields.get("stunde"), shown.digest_hour),
        "digest_weekday": _number(fields.get("wochentag"), shown.digest_weekday),
        "quiet_from": fields.get("ruhe_von", "")[:20] or None,
        "quiet_until": fields.get("ruhe_bis", "")[:20] or None,
        "quiet_weekends": bool(fields.get("wochenende")),
    }


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 4 else otherwise


async def _page(
    portal: Portal, request: web.Request, refused: Form | None = None, *, done: str = ""
) -> web.StreamResponse:
    token = token_of(request)
    try:
        shown = await portal.services.read("notify", f"/api/v1/subscriptions/{token}", Subscriber)
    except Missing:
        response = dead_link(portal, request, UNKNOWN)
    else:
        now = portal.clock.now()
        waiting = [one for one in shown.in_state("requested") if one.confirm_by and one.confirm_by > now]
        response = portal.pages.respond(
            request,
            "abonnement.html",
            status=200 if refused is None else 409,
            heading="Ihre Abonnements",
            noindex=True,
            subscriber=shown,
            waiting=waiting,
            standing=shown.in_state("confirmed"),
            over=shown.in_state("ended", "lapsed"),
            kinds=[one for one in shown.preferences if one.channel == "email"],
            rhythms=RHYTHMS,
            wishes=WISHES,
            hours=[(str(hour), f"{hour} Uhr") for hour in range(24)],
            weekdays=[(str(number), name) for number, name in enumerate(WEEKDAYS, 1)],
            here_path=f"/abonnement/{token}",
            form=_form(shown, refused),
            done=done,
        )
    response.headers.update(PRIVATE)
    return response


def _form(shown: Subscriber, refused: Form | None) -> Form:
    """The forms as they are, with what somebody typed into one of them that was refused."""
    if refused is None:
        return Form("", _settings(shown))
    typed = refused.values if "version" in refused.values else {**_settings(shown), **refused.values}
    return replace(refused, values=typed)


def _settings(shown: Subscriber) -> dict[str, str]:
    """The form about kinds and times, as its fields have it."""
    quiet = {"ruhe_von": shown.quiet_from, "ruhe_bis": shown.quiet_until}
    return {
        **{KIND + one.kind: one.rhythm for one in shown.preferences if one.channel == "email"},
        **{name: at.strftime("%H:%M") for name, at in quiet.items() if at is not None},
        **({"wochenende": "1"} if shown.quiet_weekends else {}),
        "stunde": str(shown.digest_hour),
        "wochentag": str(shown.digest_weekday),
    }


async def unsubscribing(portal: Portal, request: web.Request) -> web.StreamResponse:
    """What the link in a mail ends, and a button: programs that look at links end nothing."""
    return await _unsubscribing(portal, request, done=False)


async def unsubscribe(portal: Portal, request: web.Request) -> web.StreamResponse:
    """Ends it, whoever sends this and however often (RFC 8058): a mail program has no page of ours, and no cookie."""
    try:
        await portal.services.command("notify", _link(request))
    except Missing:
        return dead_link(portal, request, UNKNOWN)
    except Refusal as no:  # nobody reads why: a mail program is to try again
        raise Down("notify") from no
    return await _unsubscribing(portal, request, done=True)


async def _unsubscribing(portal: Portal, request: web.Request, *, done: bool) -> web.StreamResponse:
    try:
        named = await portal.services.read("notify", _link(request), UnsubscribeLink)
    except Missing:
        return dead_link(portal, request, UNKNOWN)
    response = portal.pages.respond(
        request,
        "abbestellen.html",
        heading="Abbestellt" if done else "Nachrichten abbestellen",
        noindex=True,
        named=named,
        done=done,
        here_path=request.path,
    )
    response.headers.update(PRIVATE)
    return response


def _link(request: web.Request) -> str:
    token = request.match_info["token"]
    if not LINK.fullmatch(token):
        raise Problem("not_found")
    return f"/api/v1/subscriptions/{token}/unsubscriptions"
