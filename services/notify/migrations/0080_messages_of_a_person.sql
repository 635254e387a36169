-- expand: a person's messages are found, to be told and to be deleted
CREATE INDEX IF NOT EXISTS message_person ON message (person_id, id);
