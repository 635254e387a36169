-- expand: results of commands are forgotten by age, but those of ids that follow from a name (UUIDv5): causes come again
CREATE INDEX command_to_forget ON command (at) WHERE fingerprint IS NOT NULL OR uuid_extract_version(id) <> 5;
