"""A mailbox for tests, by POP3 and IMAP: as much of both as a reader of bounces needs, broken where a test wants."""

import asyncio
import datetime as dt
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "bounces", "pass wort"


@dataclass
class MailServer:
    """What lies in the mailbox, by unique id. `trouble` is a command at which the connection breaks."""

    mails: dict[int, bytes] = field(default_factory=dict)
    trouble: str = ""
    sign_ins: int = 0
    encrypted: int = 0
    pop3: int = 0
    imap: int = 0
    pop3s: int = 0
    imaps: int = 0
    context: ssl.SSLContext | None = None
    trusted: ssl.SSLContext | None = None
    _next: int = 1

    def empty(self) -> None:
        """As on the first day."""
        self.mails.clear()
        self.trouble, self.encrypted, self.sign_ins, self._next = "", 0, 0, 1

    def put(self, *mails: bytes) -> None:
        """Mails arrive."""
        for mail in mails:
            self.mails[self._next] = mail
            self._next += 1

    async def speak_pop3(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: C901
        """One conversation; deletions count with QUIT."""
        self._look_at(writer)
        there, gone = list(self.mails.items()), set[int]()
        writer.write(b"+OK\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                word, *rest = line.decode().rstrip("\r\n").split(" ", 1)
                if self._breaks(word, writer):
                    return
                number = int(rest[0].split()[0]) - 1 if rest and rest[0].split()[0].isdecimal() else 0
                match word.upper():
                    case "CAPA":
                        writer.write(b"+OK\r\nUIDL\r\nTOP\r\n" + (b"STLS\r\n" if self.context else b"") + b".\r\n")
                    case "STLS" if self.context:
                        writer.write(b"+OK\r\n")
                        await writer.start_tls(self.context)
                        self._look_at(writer)
                    case "PASS" if rest != [PASSWORD]:
                        writer.write(b"-ERR no\r\n")
                    case "LIST":
                        sizes = [f"{n} {len(mail)}\r\n" for n, (_, mail) in enumerate(there, 1)]
                        writer.write(f"+OK\r\n{''.join(sizes)}.\r\n".encode())
                    case "UIDL":
                        ids = [f"{n} id-{uid}\r\n" for n, (uid, _) in enumerate(there, 1)]
                        writer.write(f"+OK\r\n{''.join(ids)}.\r\n".encode())
                    case "RETR":
                        stuffed = re.sub(rb"(?m)^\.", b"..", there[number][1])
                        writer.write(b"+OK\r\n" + stuffed + b"\r\n.\r\n")
                    case "DELE":
                        gone.add(there[number][0])
                        writer.write(b"+OK\r\n")
                    case "QUIT":
                        for uid in gone:
                            self.mails.pop(uid, None)
                        writer.write(b"+OK\r\n")
                        writer.close()
                        return
                    case _:
                        self.sign_ins += word.upper() == "PASS"
                        writer.write(b"+OK\r\n")
        writer.close()

    async def speak_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: C901
        """One conversation; deletions count with EXPUNGE."""
        self._look_at(writer)
        gone = set[int]()
        writer.write(b"* OK\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                tag, command = line.decode().rstrip("\r\n").split(" ", 1)
                word = command.removeprefix("UID ").split(" ")[0].upper()
                if self._breaks(word, writer):
                    return
                uids = [int(each) for each in re.findall(r"UID \w+ ([\d,]+)", command) for each in each.split(",")]
                verdict = "OK"
                match word:
                    case "CAPABILITY":
                        offered = "STARTTLS" if self.context else ""
                        writer.write(f"* CAPABILITY IMAP4rev1 UIDPLUS {offered}\r\n".encode())
                    case "STARTTLS" if self.context:
                        writer.write(f"{tag} OK go\r\n".encode())
                        await writer.start_tls(self.context)
                        self._look_at(writer)
                        continue
                    case "LOGIN":
                        verdict = "OK" if f'"{PASSWORD}"' in command else "NO"
                        self.sign_ins += verdict == "OK"
                    case "SELECT":
                        verdict = "OK" if '"INBOX"' in command else "NO"
                        writer.write(f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY 7]\r\n".encode())
                    case "SEARCH":
                        writer.write(f"* SEARCH {' '.join(map(str, self.mails))}\r\n".encode())
                    case "FETCH" if uids[0] in self.mails:
                        most = int(re.findall(r"<0\.(\d+)>", command)[0])
                        mail = self.mails[uids[0]][:most]
                        writer.write(f"* 1 FETCH (UID {uids[0]} BODY[]<0> {{{len(mail)}}}\r\n".encode())
                        writer.write(mail + b")\r\n")
                    case "STORE":
                        gone.update(uids)
                    case "EXPUNGE":
                        for uid in gone & set(uids):
                            self.mails.pop(uid, None)
                    case _:
                        pass
                writer.write(f"{tag} {verdict} {word}\r\n".encode())
                if word == "LOGOUT":
                    break
        writer.close()

    def _look_at(self, writer: asyncio.StreamWriter) -> None:
        self.encrypted += writer.get_extra_info("ssl_object") is not None

    def _breaks(self, word: str, writer: asyncio.StreamWriter) -> bool:
        if word.upper() != self.trouble:
            return False
        writer.transport.abort()
        return True


@asynccontextmanager
async def mailbox_server(folder: Path) -> AsyncIterator[MailServer]:
    """A server that ends with the block: both protocols, plain (with TLS offered) and with TLS from the first byte."""
    server = MailServer()
    server.context, server.trusted = _certified(folder)
    listening = [
        await asyncio.start_server(speak, "127.0.0.1", 0, ssl=context)
        for context in (None, server.context)
        for speak in (server.speak_pop3, server.speak_imap)
    ]
    ports = [each.sockets[0].getsockname()[1] for each in listening]
    server.pop3, server.imap, server.pop3s, server.imaps = ports
    try:
        yield server
    finally:
        for each in listening:
            each.close()


def _certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox of a test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, ssl.create_default_context(cadata=pem.decode())
