-- expand: mailings that are paused or stopped; what may not be sent yet is in nobody's way
-- A mailing is `stopping` until none of its messages waits any more, then `stopped`. What waits of a paused one is
-- `held`, out of the index of what can be claimed, and keeps its place in its lane.
ALTER TABLE mailing ADD COLUMN halt text CHECK (halt IN ('paused', 'stopping', 'stopped'));
ALTER TABLE mailing ADD COLUMN halted_at timestamptz;
ALTER TABLE mailing DROP CONSTRAINT mailing_state_check;
ALTER TABLE mailing ADD CONSTRAINT mailing_state_check CHECK (state IN ('open', 'expanded', 'abandoned', 'stopped'));
CREATE INDEX mailing_halted ON mailing (id) WHERE halt IN ('paused', 'stopping');

ALTER TABLE message DROP CONSTRAINT message_state_check;
ALTER TABLE message ADD CONSTRAINT message_state_check
    CHECK (state IN ('waiting', 'sending', 'held', 'delivered', 'bounced', 'failed', 'withheld'));
ALTER TABLE message DROP CONSTRAINT message_sealed;
ALTER TABLE message ADD CONSTRAINT message_sealed
    CHECK (sealed IS NULL OR state IN ('waiting', 'sending', 'held', 'failed'));
DROP INDEX message_unsent;
CREATE INDEX message_unsent ON message (priority, ready_at, seq) WHERE state IN ('waiting', 'sending');
DROP INDEX message_lane;
CREATE INDEX message_lane ON message (hashtextextended(lane, 0), seq) WHERE state IN ('waiting', 'sending', 'held');
CREATE INDEX message_held ON message (mailing_id) WHERE state = 'held';
