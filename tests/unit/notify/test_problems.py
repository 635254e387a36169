"""Every no has its words."""

from typing import Any

from services.notify import mail_text_http, problems, bounces_http
from services.notify.http import endpoints
from services.notify.mail_text_http import MailTexts
from shared.kernel.problems import known


def test_every_code_of_an_endpoint_is_in_the_table() -> None:
    problems.register()
    nothing: Any = None
    mail_texts = MailTexts(nothing, nothing, nothing, nothing, "", nothing)
    offered = [*endpoints(nothing, nothing), *mail_text_http.endpoints(mail_texts)]
    assert all(known(code) for endpoint in offered for code in endpoint.codes)
    returns = bounces_http.Handlers(nothing, nothing, nothing, nothing, nothing, nothing)
    assert all(known(code) for endpoint in endpoints(nothing, nothing, returns) for code in endpoint.codes)
