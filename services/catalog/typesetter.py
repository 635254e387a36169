"""Sets one sheet and ends: a process of its own, since Typst keeps a hundred megabytes once it has worked.

Run as a file, not as a module, so that it loads nothing of ours. Standard input is JSON: `template`, `data` (JSON text
that the template gets as it is), `at` (when the sheet was last changed). Standard output is the PDF.
"""

import json
import sys
from datetime import datetime

import typst


def main() -> None:
    """Reads, sets, writes. What Typst refuses ends with its message on standard error."""
    asked = json.load(sys.stdin)
    sheet = typst.compile(
        asked["template"].encode(),
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        sys_inputs={"data": asked["data"]},
        timestamp=datetime.fromisoformat(asked["at"]),
    )
    sys.stdout.buffer.write(sheet)


if __name__ == "__main__":
    main()
