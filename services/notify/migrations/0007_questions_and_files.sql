-- expand: mailings about questions, files and feedback in lines of their own; what an organiser writes to a group
-- `line` is what a mailing keeps its order with, its session where it is null; `behind` a session whose earlier mailings
-- to everybody go first. `group_message` is the same for all messages of a mailing and goes when they are done with.
ALTER TABLE mailing ADD COLUMN question_id text;
ALTER TABLE mailing ADD COLUMN line text;
ALTER TABLE mailing ADD COLUMN behind text;
ALTER TABLE mailing ADD COLUMN group_message jsonb;
CREATE INDEX mailing_open_line ON mailing (coalesce(line, session_id), id) WHERE state = 'open';
CREATE INDEX mailing_words ON mailing (id) WHERE group_message IS NOT NULL;

ALTER TABLE message ADD COLUMN while_registered boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN message.while_registered IS 'is given up when its recipient''s registration ends before it is sent';
