"""Codes of organisations, topics, key figures and funding programmes in the table of problems."""

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "organisation_exists": (
        409,
        "Stelle gibt es schon",
        "Organisation exists",
        "Unter diesem amtlichen Schlüssel steht schon eine Stelle im Verzeichnis.",
    ),
    "possible_duplicates": (
        409,
        "Steht vielleicht schon im Verzeichnis",
        "Possible duplicates",
        "Ähnliche Einträge gibt es schon. Ist keiner von ihnen gemeint, senden Sie bitte confirmed_new: true mit.",
    ),
    "organisation_merged": (
        409,
        "Eintrag ist zusammengeführt",
        "Organisation was merged",
        "Dieser Eintrag wurde mit einem anderen zusammengeführt; ändern Sie bitte jenen.",
    ),
    "organisation_has_key": (
        409,
        "Stelle hat einen amtlichen Schlüssel",
        "Organisation has an official key",
        "Eine Kommune mit Schlüssel bleibt ein eigener Eintrag; ihr Ende steht in dissolved_on und successors.",
    ),
    "merged_into_itself": (
        409,
        "Zusammenführung mit sich selbst",
        "Merged into itself",
        "Ein Eintrag lässt sich nur mit einem anderen zusammenführen.",
    ),
    "refers_to_itself": (
        409,
        "Stelle verweist auf sich selbst",
        "Organisation refers to itself",
        "Eine Stelle ist nicht ihr eigenes Mitglied und nicht ihre eigene Nachfolgerin.",
    ),
    "key_is_fixed": (
        409,
        "Schlüssel ist fest",
        "The key is fixed",
        "Der amtliche Schlüssel einer Stelle ändert sich nicht. Legen Sie bitte eine neue Stelle an.",
    ),
    "topic_merged": (
        409,
        "Themengebiet ist aufgegangen",
        "Topic was merged",
        "Dieses Themengebiet ist in einem anderen aufgegangen; ändern Sie bitte jenes.",
    ),
    "topic_splitting": (
        409,
        "Themengebiet wird aufgeteilt",
        "Topic is being split",
        "Projekte dieses Themengebiets werden gerade verschoben. Bitte versuchen Sie es gleich noch einmal.",
    ),
    "topic_name_taken": (
        409,
        "Name ist vergeben",
        "Name is taken",
        "Ein anderes Themengebiet hat diesen Namen oder dieses Wort in Adressen.",
    ),
    "split_into_same": (
        409,
        "Teil kommt schon vor",
        "Part named twice",
        "Jeder Teil ist ein anderes Themengebiet als das aufgeteilte und als die übrigen Teile.",
    ),
    "split_part_empty": (
        409,
        "Teil ohne Projekte",
        "Part without projects",
        "Für diesen Teil ist kein Projekt des Themengebiets genannt oder gefunden.",
    ),
    "split_project_twice": (
        409,
        "Projekt in zwei Teilen",
        "Project in two parts",
        "Jedes Projekt kommt in höchstens einen Teil.",
    ),
    "split_too_large": (
        409,
        "Zu viele Projekte auf einmal",
        "Too many projects at once",
        "Auf einmal lassen sich höchstens {most} Projekte verschieben.",
    ),
    "project_not_under_topic": (
        409,
        "Projekt nicht unter dem Themengebiet",
        "Project not under the topic",
        "Dieses Projekt gibt es nicht, oder es steht nicht unter dem Themengebiet.",
    ),
    "unknown_group": (409, "Unbekannte Gruppe", "Unknown group", "Diese Gruppe von Themengebieten gibt es nicht."),
    "population_file_unreadable": (
        422,
        "Datei nicht lesbar",
        "File unreadable",
        "Erwartet wird GV100AD der statistischen Ämter oder eine CSV-Tabelle mit den Spalten AGS und Einwohner.",
    ),
    "population_lines_wrong": (
        422,
        "Zeilen nicht verwendbar",
        "Lines cannot be used",
        "Zeilen, die sich nicht verwenden lassen: {wrong}. Es wurde nichts übernommen.",
    ),
    "key_figure_withdrawn": (
        409,
        "Kennzahl ist zurückgezogen",
        "Key figure was withdrawn",
        "Eine zurückgezogene Kennzahl lässt sich nicht mehr ändern. Nehmen Sie bitte eine neue auf.",
    ),
    "programme_withdrawn": (
        409,
        "Förderprogramm ist zurückgezogen",
        "Funding programme was withdrawn",
        "Ein zurückgezogenes Programm lässt sich nicht mehr ändern. Nehmen Sie bitte ein neues auf.",
    ),
}
