"""How processes are told apart, and what is written survives."""

import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

from shared.embedded.process import free_ports, identity, is_free, obstacle, tail, write_atomically
from shared.embedded.system import PortTaken


def test_a_process_has_an_identity_as_long_as_it_lives() -> None:
    assert identity(os.getpid()) == identity(os.getpid()) is not None
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


def test_what_keeps_a_server_from_a_port_is_told() -> None:
    nowhere = obstacle(free_ports(1)[0], "192.0.2.1")
    assert nowhere is not None
    assert nowhere.errno == errno.EADDRNOTAVAIL
    assert str(PortTaken(80, "gateway", PermissionError(errno.EACCES, "Permission denied"))) == (
        "port 80 (gateway) cannot be used (Permission denied)"
    )


def test_a_file_that_cannot_be_replaced_stays_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", "one")
    assert [found.name for found in tmp_path.iterdir()] == ["folder"]


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
