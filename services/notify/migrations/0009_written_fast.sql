-- expand: fewer and cheaper indexes for what is written a hundred thousand at a time
-- One key by person tells messages apart and finds those of a person, of whom there are few; lanes are looked up by
-- their hash. Messages are written together with how far their mailing has come, so no key has to prove for each that
-- there is one. A mailing's messages lie together, for which ranges of blocks are index enough.
ALTER TABLE message DROP CONSTRAINT message_mailing_id_fkey;
ALTER TABLE message DROP CONSTRAINT message_once;
ALTER TABLE message ADD CONSTRAINT message_once UNIQUE (person_id, mailing_id, channel);
DROP INDEX message_registration;
DROP INDEX message_lane;
CREATE INDEX message_lane ON message (hashtextextended(lane, 0), seq) WHERE state IN ('waiting', 'sending');
CREATE INDEX message_mailing ON message USING brin (mailing_id) WITH (pages_per_range = 16, autosummarize = on);
