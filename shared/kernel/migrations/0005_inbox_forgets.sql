-- expand: inboxes forget the ids of what is old
-- Ids of messages recorded up to then are deleted, and every one of them counts as taken in.
ALTER TABLE inbox_consumer ADD COLUMN forgotten_up_to timestamptz NOT NULL DEFAULT '-infinity';
CREATE INDEX inbox_age ON inbox (consumer, source, recorded_at);
