"""A mail server that takes everything as fast as it can, in a process of its own: `python -m bench.smtp_sink`.

It offers PIPELINING, keeps nothing but when each recipient had a mail, and answers XCOUNT (how many mails, and when the
last was taken), XWHEN <address> and XFORGET. Its first line of output is the port.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

END = b"\r\n.\r\n"


class Sink:
    """What has come so far."""

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.when: dict[bytes, float] = {}


class Conversation(asyncio.Protocol):
    """One client; its lines, then its mail, then its lines again."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._data = b""
        self._in_mail = False
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A greeting."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answers all that is complete at once."""
        self._data += data
        answers = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))

    def _next(self) -> bytes | None:
        if self._in_mail:
            end = self._data.find(END)
            if end < 0:
                return None
            self._data = self._data[end + len(END) :]
            self._in_mail = False
            return self._taken()
        line, found, rest = self._data.partition(b"\r\n")
        if not found:
            return None
        self._data = rest
        return self._answer(line)

    def _taken(self) -> bytes:
        sink = self._sink
        sink.count += 1
        sink.last = sink.when[self._recipient] = time.time()
        return b"250 2.0.0 taken\r\n"

    def _answer(self, line: bytes) -> bytes:
        word, _, rest = line.partition(b" ")
        if word == b"RCPT":
            self._recipient = rest.removeprefix(b"TO:<").removesuffix(b">")
        if word == b"DATA":
            self._in_mail = True
            return b"354 go on\r\n"
        if word == b"QUIT":
            return b"221 bye\r\n"
        if word == b"EHLO":
            return b"250-sink\r\n250 PIPELINING\r\n"
        return self._told(word, rest) or b"250 2.0.0 OK\r\n"

    def _told(self, word: bytes, rest: bytes) -> bytes | None:
        sink = self._sink
        if word == b"XCOUNT":
            return b"250 %d %f\r\n" % (sink.count, sink.last)
        if word == b"XWHEN":
            return b"250 %f\r\n" % sink.when.get(rest, 0.0)
        if word == b"XFORGET":
            sink.count, sink.last = 0, 0.0
            sink.when.clear()
        return None


async def serve(port: int) -> None:
    """Until the process is ended."""
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(sink), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
