-- expand: older code reads and writes as before.
-- Operators ask often how the sending goes, and the log is long: what has not ended, what ended lately, what is told of
-- a session and what cannot be told are found without walking through all of it. The first index takes the place of one
-- that cost the same and found only kinds.
CREATE INDEX message_state ON message (state, kind);
DROP INDEX message_kind;
CREATE INDEX message_finished ON message (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX mailing_session ON mailing (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX mailing_stuck ON mailing (id) WHERE state = 'abandoned' OR (state = 'open' AND failures > 0);
