"""How processes are told apart, and what is written survives."""

import os
import socket
import subprocess
from pathlib import Path

from shared.embedded.process import free_ports, identity, is_free, tail, write_atomically


def test_a_process_has_an_identity_as_long_as_it_lives() -> None:
    assert identity(os.getpid()) == identity(os.getpid())
    assert identity(os.getpid()) != identity(os.getppid())
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert identity(child.pid) is None, "a zombie runs no more"
    assert identity(child.pid) is None


def test_ports_are_free_and_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[0]))
        taken.listen()
        assert not is_free(ports[0])
        assert ports[0] not in free_ports(50)


def test_a_file_is_replaced_as_a_whole_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    write_atomically(file, "one")
    write_atomically(file, "two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("\n".join(map(str, range(100))))
    assert tail(log, 2) == "98\n99"
