"""The words that somebody agrees to who subscribes. A version, once used, is never changed: it is the proof's."""

TEXTS: dict[str, str] = {
    "2026-1": (
        "Ja, ich möchte zu den gewählten Inhalten Nachrichten per E-Mail erhalten. Dafür wird meine E-Mail-Adresse "
        "gespeichert. Ich kann die Nachrichten jederzeit abbestellen, über den Link in jeder E-Mail."
    ),
}
CURRENT = "2026-1"
