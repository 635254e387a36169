"""How large a table may be, for whoever reads one and for whoever has it read."""

MOST_BYTES = 25 << 20
MOST_UNPACKED = 300 << 20
MOST_RATIO = 200
MOST_ROWS = 12_000
MOST_COLUMNS = 500
MOST_CELLS = 2_000_000
MOST_CHARACTERS = 32 << 20  # of all cells together: one text of a workbook may stand in every cell
MOST_SHEETS = 50  # that are named
MOST_MEMORY = 2 << 30
MOST_SECONDS = 20
