"""What a visitor does in a browser: with a script and without, on a phone and on a desk, with the keyboard alone."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from services.notify.layout import Layout
from services.notify.previews import letters
from services.notify.texts import load_texts

ROOT = Path(__file__).parents[2]
WINDOWS = {
    "desk": {"width": 1440, "scripts": True},
    "desk without scripts": {"width": 1440, "scripts": False},
    "phone": {"width": 360, "scripts": True},
    "phone without scripts": {"width": 360, "scripts": False},
}


async def wait_like_a_person(page: Page) -> None:
    """Nobody fills a form in less than two seconds."""
    await page.wait_for_timeout(2100)


async def fits(page: Page) -> None:
    """Nothing reaches beyond the window."""
    too_wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, (page.url, page.viewport_size)


async def test_somebody_registers_corrects_confirms_and_withdraws(
    journey: Any, visit: Any, fresh_address: Callable[[], str]
) -> None:
    """Whatever the window: all at once, because most of it is waiting like a person."""
    session_id = await journey.session(capacity=10)
    async with asyncio.TaskGroup() as visitors:
        for name, window in WINDOWS.items():
            page = await (await visit(**window)).new_page()
            visitors.create_task(take_part(journey, page, session_id, fresh_address()), name=name)


def form_of(page: Page) -> Locator:
    """The form to register; the page may have one for questions, too."""
    return page.locator("#anmeldung")


async def take_part(journey: Any, page: Page, session_id: str, erika: str) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Alle Veranstaltungen").click()
    await page.locator(f'a[href="/veranstaltungen/{session_id}"]').click()
    await fits(page)

    await form_of(page).get_by_label("Vor- und Nachname").fill("Erika Muster")
    await form_of(page).get_by_label("E-Mail-Adresse").fill("erika ohne at")
    await form_of(page).get_by_label(re.compile("Stadt, Gemeinde")).fill("Stadt Musterstadt")
    await wait_like_a_person(page)
    await page.get_by_role("button", name="Anmelden").click()
    await expect(page).to_have_title(re.compile("^Fehler: "))
    await expect(page.get_by_role("alert")).to_contain_text("Bitte prüfen Sie Ihre Angaben")
    await expect(form_of(page).get_by_label("Vor- und Nachname")).to_have_value("Erika Muster")
    await expect(form_of(page).get_by_label("E-Mail-Adresse")).to_have_value("erika ohne at")
    await expect(form_of(page).get_by_label("E-Mail-Adresse")).to_have_attribute("aria-invalid", "true")
    await fits(page)

    await form_of(page).get_by_label("E-Mail-Adresse").fill(erika)
    await wait_like_a_person(page)
    await page.get_by_role("button", name="Anmelden").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Bitte bestätigen Sie Ihre Anmeldung")
    assert erika not in page.url
    await fits(page)

    token = (await journey.mailbox.newest(erika, 1)).token
    await page.goto(f"/anmeldung/{token}")
    await page.reload()
    await expect(page.get_by_text("Ein Schritt fehlt noch")).to_be_visible()
    await fits(page)
    await page.get_by_role("button", name="Anmeldung bestätigen").click()
    await expect(page.get_by_text("Sie sind angemeldet.")).to_be_visible()
    await expect(page.get_by_role("link", name="Zum Online-Raum")).to_have_attribute(
        "href", "https://meet.example/raum"
    )
    await journey.mailbox.newest(erika, 2)
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.get_by_text("Sie haben sich abgemeldet.")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Anmeldung bestätigen|Abmelden"))).to_have_count(0)


async def test_registering_with_the_keyboard_alone(journey: Any, visit: Any, fresh_address: Callable[[], str]) -> None:
    session_id, erika = await journey.session(), fresh_address()
    page = await (await visit()).new_page()
    await page.goto(f"/veranstaltungen/{session_id}")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Zum Inhalt springen")).to_be_focused()
    await page.keyboard.press("Enter")
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "name":
            break
    await page.keyboard.type("Erika Muster")
    await page.keyboard.press("Tab")
    await page.keyboard.type(erika)
    await wait_like_a_person(page)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Bitte bestätigen Sie Ihre Anmeldung")
    await page.goto(f"/anmeldung/{(await journey.mailbox.newest(erika, 1)).token}")
    await page.get_by_role("button", name="Anmeldung bestätigen").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_text("Sie sind angemeldet.")).to_be_visible()


async def test_a_full_session_leads_to_the_waiting_list(
    journey: Any, visit: Any, fresh_address: Callable[[], str]
) -> None:
    session_id, otto = await journey.session(capacity=1), fresh_address()
    first = await journey.confirmed(session_id, fresh_address())
    page = await (await visit(scripts=False)).new_page()
    await page.goto(f"/veranstaltungen/{session_id}")
    await expect(page.get_by_text("Der einzige Platz ist vergeben.")).to_be_visible()
    await form_of(page).get_by_label("Vor- und Nachname").fill("Otto Beispiel")
    await form_of(page).get_by_label("E-Mail-Adresse").fill(otto)
    await wait_like_a_person(page)
    await page.get_by_role("button", name="Auf die Warteliste setzen").click()
    token = (await journey.mailbox.newest(otto, 1)).token
    await page.goto(f"/anmeldung/{token}")
    await expect(page.get_by_text("Sie stehen auf der Warteliste, Platz 1.")).to_be_visible()
    await page.get_by_role("button", name="Platz auf der Warteliste bestätigen").click()
    await journey.api.post(f"/registrations/{first}/withdrawals")
    await journey.mailbox.newest(otto, 2)
    await page.reload()
    await expect(page.get_by_text("Sie sind angemeldet.")).to_be_visible()


def in_two_months(journey: Any) -> dict[str, str]:
    """A new date, which everybody is asked about."""
    begin, answer_by = (journey.now + timedelta(days=days) for days in (60, 50))
    return {
        "starts_at": begin.isoformat(),
        "reason": "Hochwasser",
        "answer_by": answer_by.isoformat(),
        "unanswered": "go",
    }


async def test_a_postponed_and_a_cancelled_session_say_so(
    journey: Any, visit: Any, fresh_address: Callable[[], str]
) -> None:
    session_id, erika = await journey.session(), fresh_address()
    token = await journey.confirmed(session_id, erika)
    page = await (await visit(scripts=False)).new_page()
    await journey.editor.post(f"/sessions/{session_id}/postponements", in_two_months(journey))
    await page.goto(f"/anmeldung/{token}")
    await expect(page.get_by_text("Ohne Antwort wird Ihr Platz danach frei")).to_be_visible()
    await expect(page.get_by_role("button", name="Ich kann nicht – abmelden")).to_be_visible()
    await page.get_by_role("button", name="Ich komme zum neuen Termin").click()
    await expect(page.get_by_text("für den neuen Termin zugesagt")).to_be_visible()
    await expect(page.get_by_role("button", name="Ich komme zum neuen Termin")).to_have_count(0)
    (seen,) = (await journey.editor.get(f"/sessions/{session_id}/registrations")).body["items"]
    assert seen["reconfirmed_at"] is not None
    body = {"starts_at": None, "reason": "Erkrankung", "answer_by": None}
    await journey.editor.post(f"/sessions/{session_id}/postponements", body)
    await page.goto(f"/veranstaltungen/{session_id}")
    await expect(page.get_by_text("Das neue Datum steht noch nicht fest.")).to_be_visible()
    await expect(page.locator("del").first).to_be_visible()
    await page.goto(f"/anmeldung/{token}")
    await expect(page.get_by_role("button", name="Abmelden")).to_be_visible()
    await journey.editor.post(f"/sessions/{session_id}/cancellations", {"reason": "Kein neuer Termin"})
    for path in (f"/veranstaltungen/{session_id}", f"/anmeldung/{token}"):
        await page.goto(path)
        await expect(
            page.get_by_text("Die Veranstaltung fällt aus.")
            .or_(page.get_by_text("Diese Veranstaltung fällt aus."))
            .first
        ).to_be_visible()
    await expect(page.get_by_role("button", name="Abmelden")).to_have_count(0)


LINES_OF_A_COUNT = """choice => {
  const number = choice.querySelector(".choice__count").firstChild
  choice.querySelector("span").textContent = "Vorbereitung (Machbarkeit, Konzept, Förderantrag, Beschlüsse)"
  number.data = "1.234"
  const range = document.createRange()
  range.selectNode(number)
  return range.getClientRects().length
}"""
"""On how many lines a large number stands beside a long label."""


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
async def test_somebody_finds_a_project(visit: Any, window: dict[str, Any]) -> None:
    page = await (await visit(**window)).new_page()
    await page.goto("/")
    await page.get_by_label("Projekte durchsuchen").fill("Gemeindekasse")
    await page.get_by_role("button", name="Suchen").click()
    await expect(page.get_by_label("Suchbegriff")).to_have_value("Gemeindekasse")
    await page.get_by_role("link", name="Gemeindekasse Morsbach/Reichshof").click()
    await expect(page.get_by_text("Bezugsgröße nicht angegeben")).to_be_visible()
    await expect(page.get_by_text("18 Prozent")).to_be_visible()
    await page.get_by_role("navigation", name="Brotkrumen").get_by_role("link", name="Projekte").click()
    filters = page.locator("details.filter > summary")
    if await filters.is_visible():
        await filters.click()
    assert await page.locator(".choice:has(.choice__count)").first.evaluate(LINES_OF_A_COUNT) == 1
    await page.get_by_role("checkbox", name=re.compile("^Gesundheit ")).check()
    await page.get_by_role("button", name="Filter anwenden").click()
    await expect(page).to_have_url(re.compile("topic=health"))
    await expect(page.get_by_role("heading", name="2 Projekte")).to_be_visible()
    await fits(page)
    await page.get_by_role("link", name=re.compile("Entfernen: Gesundheit")).click()
    await expect(page).not_to_have_url(re.compile("topic="))


PAGES = [
    "/",
    "/projekte",
    "/projekte?q=nichtsdergleichen",
    "/partnersuche",
    "/veranstaltungen",
    "/aktuelles",
    "/arbeitshilfen",
    "/impressum",
    "/datenschutz",
    "/barrierefreiheit",
    "/meine-daten",
    "/gibt-es-nicht",
]


async def subscribed(journey: Any, email: str) -> str:
    """The token of somebody's page, where one wish stands and another one waits."""

    async def wish(ags: str) -> None:
        wishes = [{"subject": "municipality", "key": ags}]
        await journey.api.post("/subscriptions", {"email": email, "subscriptions": wishes})

    await wish("05974012")
    token = re.search(r"/abonnement/([\w-]+)", (await journey.mailbox.newest(email, 1)).text)
    assert token
    await journey.api.post(f"/subscriptions/{token[1]}/confirmations")
    await wish("05315000")
    return token[1]


async def test_every_page_is_accessible_light_and_dark_wide_and_narrow(
    journey: Any, visit: Any, fresh_address: Callable[[], str]
) -> None:
    script = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not installed: make test")
    session_id = await journey.session(capacity=3, mode="hybrid", venue={"name": "Stadthalle", "city": "Unna"})
    token = await journey.confirmed(session_id, fresh_address())
    await journey.editor.post(f"/sessions/{session_id}/postponements", in_two_months(journey))
    project = (await journey.api.get("/projects?q=ARKuS")).body["items"][0]["id"]
    history = next(
        item["id"] for item in (await journey.api.get("/sessions?limit=100")).body["items"] if item["status"] == "held"
    )
    news = (await journey.api.get("/announcements")).body["items"][0]["id"]
    wish = {"kind": "offer", "title": "Kehrmaschine", "text": "Frei.", "topics": ["works_depot"], "ags": "05974012"}
    offer = (await journey.editor.post("/cooperation-requests", wish)).id
    reachable = {"email": "bauhof@gemeinde.example"}
    assert (await journey.editor.send("PUT", f"/cooperation-requests/{offer}/contact-address", reachable)).status == 200
    of_one = [
        "/abonnieren",
        "/abonnement",
        f"/abonnement/{await subscribed(journey, fresh_address())}",
        f"/partnersuche/{offer}",
        f"/partnersuche/{offer}/kontakt",
        f"/veranstaltungen/{session_id}",
        f"/anmeldung/{token}",
        f"/anmeldung/{token}/frage",
        f"/veranstaltungen/{history}",
        f"/projekte/{project}",
        f"/aktuelles/{news}",
    ]
    found = []
    everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    what_looks_otherwise = ["color-contrast", "target-size", "scrollable-region-focusable"]
    page = await (await visit()).new_page()
    for path in [*PAGES, *of_one]:
        for width, scheme, rules in ((1440, "light", everything), (360, "dark", what_looks_otherwise)):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=scheme)
            if scheme == "light":
                await page.goto(path)
                await page.evaluate(script.read_text("utf-8"))
            await fits(page)
            result = await page.evaluate("rules => axe.run({runOnly: rules})", rules)
            found += [(path, scheme, each["id"], each["nodes"][0]["html"]) for each in result["violations"]]
    assert found == []


@pytest.mark.long
async def test_every_mail_fits_and_can_be_read_light_and_dark(browser: Browser) -> None:
    """On a phone and in a reading pane; what is read without the colours is in the text beside it."""
    script = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not installed: make test")
    texts, layout, portal = (
        load_texts(),
        Layout("https://portal.example", "Interkommunales.NRW"),
        "https://portal.example",
    )
    mails = {name: next(letters(name, texts, portal))[1] for name in texts}
    one_of_each_tone = {letter.tone: name for name, letter in mails.items()}
    assert len(one_of_each_tone) == 4
    wrong = []
    page = await browser.new_page()
    for name, letter in mails.items():
        for width, scheme in ((360, "dark"), (700, "light")):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme="dark" if width == 360 else "light")
            if scheme == "dark":
                await page.set_content(layout.html(replace(letter, unsubscribe=f"{portal}/abbestellen/x")))
            await fits(page)
            if name in one_of_each_tone.values():
                if scheme == "dark":
                    await page.evaluate(script.read_text("utf-8"))
                rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
                result = await page.evaluate("rules => axe.run({runOnly: rules})", rules)
                wrong += [(name, scheme, each["id"], each["nodes"][0]["html"]) for each in result["violations"]]
    await page.close()
    assert wrong == []


TWICE_THE_SIZE, NARROWEST = (640, 200), (320, 100)


@pytest.mark.parametrize("fonts", ["loaded", "error"], ids=["own-fonts", "a-visitor's-fonts"])
async def test_pages_stay_usable_enlarged_narrow_and_in_whatever_font(journey: Any, visit: Any, fonts: str) -> None:
    """WCAG 1.4.4 and 1.4.10; a visitor's own font is wider than ours, and is what is seen until ours has come."""
    session_id = await journey.session()
    page = await (await visit()).new_page()
    if fonts == "error":
        await page.route("**/*.woff2", lambda route: route.fulfill(status=404))
    for path in [*PAGES, f"/veranstaltungen/{session_id}"]:
        await page.goto(path)
        await page.evaluate("document.fonts.ready.then(() => null)")
        assert fonts in await page.evaluate("[...document.fonts].map(font => font.status)")
        for width, size in (TWICE_THE_SIZE, NARROWEST):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.evaluate("size => document.documentElement.style.fontSize = `${size}%`", size)
            await fits(page)


async def test_no_link_on_any_page_is_dead(journey: Any, visit: Any) -> None:
    page = await (await visit(scripts=False)).new_page()
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        async with journey.client.get(journey.base_url + path) as answer:
            assert answer.status == 200, path
            html = await answer.text() if answer.content_type == "text/html" else ""
        for link in re.findall(r'href="(/[^"#]*)', html):
            plain = link.replace("&amp;", "&")
            if plain not in seen and len(seen) < 250:
                seen.add(plain)
                waiting.append(plain)
    await page.goto("/")
    assert len(seen) > 30
