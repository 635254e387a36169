"""Sets sheets and ends: a process of its own, since Typst keeps a hundred megabytes once it has worked.

Run as a file, not as a module, so that it loads nothing of ours. Every line of standard input is a sheet as JSON:
`template`, `data` (JSON text that the template gets as it is), `at` (when what it shows was last changed). On standard
output comes, for each in its order, its length (four bytes, the high one first) and the PDF.
"""

import json
import os
import sys
from datetime import datetime

import typst

POLITE = 10


def main() -> None:
    """Reads, sets, writes. What Typst refuses ends with its message on standard error."""
    if "politely" in sys.argv:
        os.nice(POLITE)
    for line in sys.stdin:
        asked = json.loads(line)
        sheet = typst.compile(
            asked["template"].encode(),
            format="pdf",
            pdf_standards=["ua-1"],
            ignore_system_fonts=True,
            sys_inputs={"data": asked["data"]},
            timestamp=datetime.fromisoformat(asked["at"]),
        )
        sys.stdout.buffer.write(len(sheet).to_bytes(4) + sheet)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
