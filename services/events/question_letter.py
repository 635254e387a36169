"""What has to be written to somebody who asked a question? The answer to `rpc.events.question`."""

from services.events import question_list, question_sealing
from services.events.question_form import keyword_of
from services.events.recipients import card
from services.events.session_list import session_row
from shared.contracts.rpc import QuestionLetter, QuestionLetterAnswered, QuestionLetterAsked
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault


async def question_letter(pool: Pool, vault: Vault, asked: QuestionLetterAsked) -> QuestionLetterAnswered:
    """How the question stands now; none when there is nobody to write to any more."""
    found = await question_list.by_id(pool, asked.question_id)
    if found is None or found.forgotten:
        return QuestionLetterAnswered()
    (opened,) = await question_sealing.opened(vault, [found])
    at_session = await session_row(pool, found.session_id)
    if opened.asker is None or at_session is None:
        return QuestionLetterAnswered()
    return QuestionLetterAnswered(
        letter=QuestionLetter(
            question_id=found.question_id,
            person_id=found.person_id,
            email=opened.asker.email,
            name=opened.asker.name,
            token=opened.asker.token,
            status=found.status,
            confirm_by=found.confirm_by,
            question=None if found.status == "received" else opened.text,
            reason=opened.reason if found.status == "declined" else None,
            answer=opened.answer if found.status == "answered" else None,
            published=opened.publication is not None,
            keyword=keyword_of(at_session.series),
            session=card(at_session),
        )
    )
