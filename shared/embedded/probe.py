"""Asks a server on this machine over HTTP, without a client library: for readiness, many times a second."""

import asyncio


async def ask(port: int, path: str, *, within: float = 2.0) -> tuple[int, bytes]:
    """Status and body; status 0 when nobody answers properly."""
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
    except OSError:
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body
