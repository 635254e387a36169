"""Copies the parts of @kern-ux/native that the portal serves from `node_modules` into `static/vendor`.

`python -m services.gateway.portal.vendor [node_modules]`, run when the project is installed. Nothing is fetched by a
running gateway, and no reader's browser asks anyone else.
"""

import json
import shutil
import sys
from pathlib import Path

PACKAGE = "@kern-ux/native"
VERSION = "2.7.2"
TARGET = Path(__file__).parent / "static" / "vendor" / "kern"
FILES = {
    "dist/kern.min.css": "kern.min.css",
    "dist/fonts/fira-sans/FiraSans-Regular.woff2": "FiraSans-Regular.woff2",
    "dist/fonts/fira-sans/FiraSans-Italic.woff2": "FiraSans-Italic.woff2",
    "dist/fonts/fira-sans/FiraSans-Medium.woff2": "FiraSans-Medium.woff2",
    "dist/fonts/fira-sans/FiraSans-SemiBold.woff2": "FiraSans-SemiBold.woff2",
    "LICENSE.md": "LICENSE.md",
}


def vendor(node_modules: Path, target: Path = TARGET) -> None:
    """Puts the files in place; raises `LookupError` when another version lies in `node_modules` than was tried."""
    package = node_modules / PACKAGE
    found = json.loads((package / "package.json").read_text("utf-8"))["version"]
    if found != VERSION:
        raise LookupError(f"{PACKAGE} is {found}, {VERSION} is needed")
    target.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        shutil.copyfile(package / source, target / name)


if __name__ == "__main__":
    vendor(Path(sys.argv[1] if len(sys.argv) > 1 else "node_modules"))
