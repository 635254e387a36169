"""Tells the versions of the libraries that are measured here."""

import json
import sys
from importlib.metadata import version

for _request in sys.stdin:
    print(json.dumps({name: version(name) for name in ("eventsourcing", "psycopg", "faststream")}), flush=True)
