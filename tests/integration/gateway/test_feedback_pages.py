"""The form for feedback, as a browser without a script gets it, and the thanks."""

import json
import re
from typing import Any

import pytest
from aiohttp import web

TOKEN = "AZsAAAAAcACAAAAAAAAAAXWVb2k0T2l2c2FhYmNkZWZnaGlqa2w"
API = f"/api/v1/feedback/{TOKEN}"
FORM = {
    "title": "Sprechstunde <Probe>",
    "closes_at": "2025-08-14T12:00:00+02:00",
    "questions": [
        {"key": "overall", "label": "Wie zufrieden sind Sie?", "kind": "rating", "options": []},
        {"key": "recommend", "label": "Würden Sie sie weiterempfehlen?", "kind": "yes_no", "options": []},
        {
            "key": "format",
            "label": "Welches Format passt Ihnen?",
            "kind": "choice",
            "options": [{"value": "online", "label": "Online"}, {"value": "in_person", "label": "Vor Ort"}],
        },
        {"key": "improve", "label": "Was sollen wir anders machen?", "kind": "text", "options": []},
    ],
}
PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
FILLED = {"rating-overall": "4", "yes_no-recommend": "no", "choice-format": "online", "text-improve": "Mehr <Zeit>"}


def refusing(status: int, **body: Any) -> Any:
    return lambda _: web.json_response(body, status=status)


async def test_every_kind_of_question_has_its_fields_and_nothing_is_chosen(door: Any, services: Any) -> None:
    services.answers[API] = FORM
    async with door.get(f"/feedback/{TOKEN}") as answer:
        html = await answer.text()
        assert answer.status == 200
        assert {name: answer.headers[name] for name in PRIVATE} == PRIVATE
    assert len(re.findall(r'type="radio"', html)) == 9
    assert html.count("<fieldset") == html.count("<legend") == 3
    assert '<textarea class="kern-form-input__input form__text" id="text-improve"' in html
    assert " checked" not in html
    assert "Sprechstunde &lt;Probe&gt;" in html
    assert {asked.method for asked in services.asked} == {"GET"}


async def test_what_was_filled_in_is_sent_once_and_leads_to_the_thanks(door: Any, services: Any) -> None:
    services.answers[API] = FORM
    async with door.get(f"/feedback/{TOKEN}") as answer:
        (once,) = re.findall(r'name="once" value="([^"]+)"', await answer.text())
    services.answers[API] = {"status": "accepted"}
    sent = FILLED | {"once": once, "other": "x", "text-empty": "  "}
    async with door.post(f"/feedback/{TOKEN}", data=sent) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/feedback/danke")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    posted = services.asked[-1]
    expected = {"overall": 4, "recommend": False, "format": "online", "improve": "Mehr <Zeit>", "empty": None}
    assert json.loads(posted.body) == {"answers": expected}
    assert posted.headers["Idempotency-Key"] == once, "made when the form was shown, of nothing that was answered"
    async with door.get("/feedback/danke") as answer:
        assert answer.status == 200
        assert "Vielen Dank" in await answer.text()


async def test_a_wrong_answer_comes_back_with_everything_that_was_filled_in(door: Any, services: Any) -> None:
    errors = [{"field": "/answers/improve", "code": "answer_too_long", "detail": "Bitte kürzen Sie den Text."}]

    def answers(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(FORM)
        return web.json_response({"code": "invalid_request", "errors": errors}, status=422)

    services.answers[API] = answers
    async with door.post(f"/feedback/{TOKEN}", data=FILLED) as answer:
        html = await answer.text()
        assert answer.status == 422
    assert "Bitte kürzen Sie den Text." in html
    assert re.findall(r'id="([\w-]+)"[^>]* checked', html) == [
        "rating-overall-4",
        "yes_no-recommend-no",
        "choice-format-online",
    ]
    assert "Mehr &lt;Zeit&gt;" in html
    errors[0] = {"field": "/answers", "code": "nothing_answered", "detail": "Bitte beantworten Sie eine Frage."}
    async with door.post(f"/feedback/{TOKEN}", data={}) as answer:
        assert "Bitte beantworten Sie eine Frage." in await answer.text()


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        (409, "feedback_given", "Ihre Rückmeldung ist schon da"),
        (409, "feedback_closed", "Rückmeldungen sind nicht mehr möglich"),
        (404, "not_found", "Dieser Link gilt nicht"),
    ],
)
async def test_a_link_that_takes_no_answer_says_why(
    door: Any, services: Any, status: int, code: str, shown: str
) -> None:
    services.answers[API] = refusing(status, code=code, detail="So ist es.")
    for method in ("GET", "POST"):
        async with door.send(method, f"/feedback/{TOKEN}", data=FILLED if method == "POST" else None) as answer:
            assert (answer.status, shown in await answer.text()) == (status, True)
            assert {name: answer.headers[name] for name in PRIVATE} == PRIVATE


async def test_pages_of_others_cannot_answer(door: Any, services: Any) -> None:
    async with door.post(f"/feedback/{TOKEN}", data=FILLED, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403
    assert services.asked == []
