"""The mechanism: journal, relay, inbox, projections, HTTP, logs. It knows no domain.

structlog brings rich along wherever it is installed, which is a tenth of what a service imports before it is ready, and
used by none: rich is for the command line. So structlog is imported here first, and does not find it.
"""

import sys

if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
