"""A mailbox on a server, spoken to by POP3 or IMAP. Everything here blocks and is called from a thread.

What is deleted is gone only when the session is closed in order: who breaks off finds it again.
"""

import imaplib
import poplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from services.notify.smtp import Security

CONNECT_TIMEOUT = 5.0
TIMEOUT = 20.0
MOST = 256 * 1024
TOO_LONG = 20 * 1024 * 1024
LINES = 4000

PORTS: dict[str, tuple[Literal["pop3", "imap"], Security, int]] = {
    "pop3": ("pop3", "offered", 110),
    "pop3+starttls": ("pop3", "starttls", 110),
    "pop3s": ("pop3", "tls", 995),
    "imap": ("imap", "offered", 143),
    "imap+starttls": ("imap", "starttls", 143),
    "imaps": ("imap", "tls", 993),
}


class Trouble(Exception):
    """The mailbox cannot be used now. The text names no address, no secret, and nothing that the server said."""


class Unfit(Exception):
    """One mail cannot be fetched; it is left where it lies. `broken`: the conversation cannot go on after it."""

    def __init__(self, why: str, *, broken: bool = False) -> None:
        super().__init__(why)
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Account:
    """Where a mailbox is and how it is opened."""

    protocol: Literal["pop3", "imap"]
    security: Security
    host: str
    port: int
    username: str = field(repr=False)
    password: str = field(repr=False)
    folder: str = "INBOX"
    trusted: ssl.SSLContext | None = field(default=None, repr=False)

    def mailbox(self) -> "Mailbox":
        """A conversation that has not begun."""
        return Pop3(self) if self.protocol == "pop3" else Imap(self)

    @property
    def context(self) -> ssl.SSLContext:
        """Whom to trust: those whom the system trusts."""
        return self.trusted or ssl.create_default_context()


def account(url: str) -> Account:
    """`imaps://user:password@host:port/folder`, read; `ValueError` for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or not parts.username or parts.password is None:
        raise ValueError(f"expected {', '.join(PORTS)}://user:password@host")
    protocol, security, usual = PORTS[parts.scheme]
    return Account(
        protocol=protocol,
        security=security,
        host=parts.hostname,
        port=parts.port or usual,
        username=unquote(parts.username),
        password=unquote(parts.password),
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


class Mailbox(Protocol):
    """One conversation with a mailbox. A place names a mail, in every conversation the same one."""

    def open(self) -> None:
        """Signs in."""

    def places(self) -> list[str]:
        """What lies there, the oldest first."""

    def fetch(self, place: str) -> bytes:
        """A mail's beginning, at least `MOST` bytes of it; `Unfit` for one that cannot be had."""

    def delete(self, place: str) -> None:
        """Takes a mail away, as soon as the conversation is closed."""

    def close(self) -> None:
        """Says goodbye; only now what was deleted is gone."""

    def abort(self) -> None:
        """Hangs up, from whichever thread."""


class Pop3:
    """By POP3 (RFC 1939); places are the server's unique ids."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._client: poplib.POP3 | None = None
        self._numbers: dict[str, tuple[str, int]] = {}

    def open(self) -> None:
        """Signs in."""
        account = self._account
        with _understood():
            if account.security == "tls":
                client: poplib.POP3 = poplib.POP3_SSL(
                    account.host, account.port, timeout=CONNECT_TIMEOUT, context=account.context
                )
            else:
                client = poplib.POP3(account.host, account.port, timeout=CONNECT_TIMEOUT)
            self._client = client
            if account.security == "starttls" or (account.security == "offered" and "STLS" in client.capa()):
                client.stls(account.context)
            client.sock.settimeout(TIMEOUT)
        with _understood("the server refuses the sign-in"):
            client.user(account.username)
            client.pass_(account.password)

    def places(self) -> list[str]:
        """What lies there, the oldest first."""
        with _understood():
            sizes = dict(_pair(line) for line in self._connected().list()[1])
            found = [_pair(line) for line in self._connected().uidl()[1]]
        self._numbers = {place: (number, int(sizes.get(number, 0))) for number, place in found}
        return list(self._numbers)

    def fetch(self, place: str) -> bytes:
        """A mail; only its beginning where it is long."""
        number, size = self._numbers[place]
        try:
            client = self._connected()
            lines = client.top(number, LINES)[1] if size > TOO_LONG else client.retr(number)[1]
        except poplib.error_proto as error:
            raise Unfit("the server does not give it", broken=not str(error).startswith("b'-ERR")) from error
        except (OSError, EOFError) as error:
            raise Trouble(type(error).__name__) from error
        return b"\r\n".join(lines) + b"\r\n"

    def delete(self, place: str) -> None:
        """Takes a mail away with QUIT."""
        with _understood():
            self._connected().dele(self._numbers[place][0])

    def close(self) -> None:
        """QUIT."""
        with _understood():
            self._connected().quit()

    def abort(self) -> None:
        """Hangs up."""
        if self._client is not None:
            _hang_up(self._client.sock, self._client.close)

    def _connected(self) -> poplib.POP3:
        assert self._client is not None
        return self._client


class Imap:
    """By IMAP (RFC 3501); places are the folder's UIDVALIDITY and the mail's UID."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._client: imaplib.IMAP4 | None = None
        self._deleted: list[str] = []
        self._validity = "0"

    def open(self) -> None:
        """Signs in and selects the folder."""
        account = self._account
        with _understood():
            if account.security == "tls":
                client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                    account.host, account.port, ssl_context=account.context, timeout=CONNECT_TIMEOUT
                )
            else:
                client = imaplib.IMAP4(account.host, account.port, timeout=CONNECT_TIMEOUT)
            self._client = client
            if account.security == "starttls" or (account.security == "offered" and "STARTTLS" in client.capabilities):
                client.starttls(account.context)
            client.socket().settimeout(TIMEOUT)
        with _understood("the server refuses the sign-in"):
            client.login(account.username, account.password)
        with _understood("there is no such folder"):
            quoted = account.folder.replace("\\", "\\\\").replace('"', '\\"')
            _agreed(client.select(f'"{quoted}"'))
            self._validity = (client.response("UIDVALIDITY")[1] or [b"0"])[0].decode()

    def places(self) -> list[str]:
        """What lies there, the oldest first."""
        with _understood():
            found = _agreed(self._connected().uid("SEARCH", "UNDELETED"))
        return [f"{self._validity}/{uid.decode()}" for uid in (found[0] or b"").split()]

    def fetch(self, place: str) -> bytes:
        """A mail's beginning, left unread."""
        with _understood():
            parts = self._connected().uid("FETCH", _uid(place), f"(BODY.PEEK[]<0.{MOST}>)")[1]
        found = [part[1] for part in parts if isinstance(part, tuple)]
        if not found:
            raise Unfit("the server does not give it")
        return bytes(found[0])

    def delete(self, place: str) -> None:
        """Marks a mail as deleted."""
        with _understood():
            _agreed(self._connected().uid("STORE", _uid(place), "+FLAGS.SILENT", r"(\Deleted)"))
        self._deleted.append(_uid(place))

    def close(self) -> None:
        """Expunges what was marked, nothing else where the server can do that, and signs out."""
        client = self._connected()
        with _understood():
            if self._deleted:
                client.expunge() if "UIDPLUS" not in client.capabilities else client.uid(
                    "EXPUNGE", ",".join(self._deleted)
                )
            client.logout()

    def abort(self) -> None:
        """Hangs up."""
        if self._client is not None:
            _hang_up(self._client.socket(), self._client.shutdown)

    def _connected(self) -> imaplib.IMAP4:
        assert self._client is not None
        return self._client


@contextmanager
def _understood(said_no: str = "the server does not answer as it should") -> Iterator[None]:
    """Whatever goes wrong becomes `Trouble`, in our words."""
    try:
        yield
    except (OSError, EOFError) as error:
        raise Trouble(type(error).__name__) from error
    except (poplib.error_proto, imaplib.IMAP4.error, ValueError) as error:
        raise Trouble(said_no) from error


def _agreed(answer: tuple[str, list[bytes | None]]) -> list[bytes | None]:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("NO")
    return answer[1]


def _uid(place: str) -> str:
    return place.rpartition("/")[2]


def _pair(line: bytes) -> tuple[str, str]:
    number, _, rest = line.decode("ascii").strip().partition(" ")
    return number, rest.strip()


def _hang_up(connected: socket.socket | None, close: Callable[[], object]) -> None:
    """Whoever waits for an answer in another thread gets none any more; what is closed already stays so."""
    if connected is None:
        return
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
    with suppress(OSError, ValueError):
        close()
