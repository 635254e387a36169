#!/usr/bin/env python3
"""Prints the NATS server's configuration: users and rights from the manifest, JetStream that syncs before it answers.

    python deploy/nats/render.py > deploy/nats/nats-server.conf

Passwords are no part of it: the server reads them from its environment, `IKZ_<USER>_NATS_PASSWORD`. Whoever runs a
cluster or TLS adds those blocks and keeps `accounts` and `jetstream` as they are.
"""

import argparse
import sys
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.kernel.nats_access import USERS, Variable, render_config

HEADER = "# Made by deploy/nats/render.py from shared/kernel/nats_access.py: change it there.\n"


def rendered(arguments: list[str]) -> str:
    """The configuration for the given options; without any, that of docker-compose.yml."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="0.0.0.0", help="where to listen")  # noqa: S104 -- inside a container
    parser.add_argument("--port", type=int, default=4222, help="for clients")
    parser.add_argument("--monitor-port", type=int, default=8222, help="where services read /varz at their start")
    parser.add_argument(
        "--store-dir", type=PurePosixPath, default=PurePosixPath("/data"), help="where streams are kept"
    )
    parser.add_argument(
        "--max-file-bytes", type=int, default=16 * 1024**3, help="how much all streams and files may hold together"
    )
    chosen = parser.parse_args(arguments)
    return HEADER + render_config(
        host=chosen.host,
        port=chosen.port,
        monitor_port=chosen.monitor_port,
        store_dir=chosen.store_dir,
        max_file_bytes=chosen.max_file_bytes,
        passwords={user: Variable(f"IKZ_{user.upper()}_NATS_PASSWORD") for user in USERS},
    )


if __name__ == "__main__":
    sys.stdout.write(rendered(sys.argv[1:]))
