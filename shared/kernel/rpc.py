"""Questions between services over NATS request/reply, served by `nats.micro`, with models on both sides.

An answer that says no is a `Problem` on both sides: the one that answers raises it, the one that asks gets it again.
Personal data may pass here and nowhere else; nothing of a question or an answer is logged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from nats.micro import add_service
from nats.micro.request import ERROR_CODE_HEADER, ERROR_HEADER, Request
from pydantic import BaseModel, ValidationError

from shared.kernel.bus import Bus, Connection, Denied, Lost, NoAnswer, NoResponders
from shared.kernel.decider import Refused
from shared.kernel.logs import begin_trace, current_trace
from shared.kernel.postgres import CONNECTION_LOST
from shared.kernel.problems import Problem, from_refusal, sentence

VERSION = "1.0.0"
AT_ONCE = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RpcEndpoint[Q: BaseModel]:
    """A question this service answers, at `rpc.<service>.<name>`. `answer` may raise `Problem` or `Refused`.

    An answer that is bytes is the JSON of one, for what a database makes as such.
    """

    subject: str
    question: type[Q]
    answer: Callable[[Q], Awaitable[BaseModel | bytes]]

    @property
    def name(self) -> str:
        """What `nats.micro` calls it."""
        return self.subject.rpartition(".")[2]


async def ask[A: BaseModel](bus: Bus, subject: str, question: BaseModel, answer: type[A], timeout: float = 2.0) -> A:
    """The answer to a question, within `timeout` seconds.

    Raises the `Problem` of whoever answers; `unavailable` when nobody does in time, `forbidden` when this service may
    not ask, `internal` when the answer is not what was agreed.
    """
    headers = {"traceparent": current_trace().traceparent}
    try:
        message = await bus.request(subject, question.model_dump_json().encode(), timeout=timeout, headers=headers)
    except (Lost, NoAnswer, NoResponders) as error:
        raise Problem("unavailable") from error
    except Denied as error:
        raise Problem("forbidden") from error
    if message.headers and (code := message.headers.get(ERROR_CODE_HEADER)):
        raise Problem(code, message.headers.get(ERROR_HEADER) or None)
    try:
        return answer.model_validate_json(message.data)
    except ValidationError as error:
        log.warning("rpc_answer_unreadable", subject=subject, errors=error.error_count())
        raise Problem("internal") from error


async def serve_rpc(bus: Bus, service: str, endpoints: Sequence[RpcEndpoint[Any]]) -> None:
    """Answers, for ever, on every connection the bus has; at most `AT_ONCE` questions at a time."""
    while True:
        connection = await bus.connection()
        try:
            async with asyncio.TaskGroup() as tasks:
                await _serve(connection, service, endpoints, tasks)
        except* (nats.errors.Error, Lost) as errors:
            connection.lose(f"{type(errors.exceptions[0]).__name__} while serving")


async def _serve(
    connection: Connection, service: str, endpoints: Sequence[RpcEndpoint[Any]], tasks: asyncio.TaskGroup
) -> None:
    """Answers until the connection is lost. A slow answer holds up no other: each is a task of its own."""
    at_once = asyncio.Semaphore(AT_ONCE)
    micro = await add_service(connection.client, name=service, version=VERSION)

    def taking(endpoint: RpcEndpoint[Any]) -> Callable[[Request], Awaitable[None]]:
        async def take(request: Request) -> None:
            await at_once.acquire()
            tasks.create_task(_answer(endpoint, request)).add_done_callback(lambda _: at_once.release())

        return take

    for endpoint in endpoints:
        await micro.add_endpoint(name=endpoint.name, subject=endpoint.subject, handler=taking(endpoint))
    log.info("rpc_serves", subjects=[endpoint.subject for endpoint in endpoints])
    await connection.lost.wait()


async def _outcome(endpoint: RpcEndpoint[Any], asked: bytes) -> tuple[bytes, Problem | None]:
    """The answer's JSON, or why there is none."""
    try:
        question = endpoint.question.model_validate_json(asked)
    except ValidationError:
        return b"", Problem("invalid_request")
    try:
        answer = await endpoint.answer(question)
        return answer if isinstance(answer, bytes) else answer.model_dump_json().encode(), None
    except Refused as refused:
        return b"", from_refusal(refused)
    except Problem as problem:
        return b"", problem
    except CONNECTION_LOST as error:
        log.warning("rpc_waits", subject=endpoint.subject, reason=type(error).__name__)
        return b"", Problem("unavailable")
    except Exception:
        log.exception("rpc_failed", subject=endpoint.subject)
        return b"", Problem("internal")


async def _answer(endpoint: RpcEndpoint[Any], request: Request) -> None:
    began = time.monotonic()
    begin_trace((request.headers or {}).get("traceparent"))
    data, problem = await _outcome(endpoint, request.data)
    try:
        if problem is None:
            await request.respond(data)
        else:
            await request.respond_error(problem.code, sentence(problem) or "")
    except nats.errors.Error as error:
        log.warning("rpc_answer_lost", subject=endpoint.subject, reason=type(error).__name__)
    took = round((time.monotonic() - began) * 1000, 1)
    log.info("rpc_answered", subject=endpoint.subject, code=problem.code if problem else None, took_ms=took)
