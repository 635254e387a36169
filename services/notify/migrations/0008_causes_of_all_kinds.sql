-- expand: mailings and messages about anything; messages hold ids and standing, and no longer what is known of people
-- `matter` is what a mailing is about (see matter.py), null where an earlier version noted it; `common` is the same for
-- all its messages. `source` is the matter again, for what is claimed; `standing` is how a recipient stands as the cause found it; who is written to is looked up when the
-- message is sent. `sealed` is in what earlier versions wrote. A message that is `withheld` was not sent on purpose.
ALTER TABLE mailing ADD COLUMN matter text;
ALTER TABLE mailing ADD COLUMN common jsonb;

ALTER TABLE message ADD COLUMN source text;
ALTER TABLE message ADD COLUMN standing jsonb;
ALTER TABLE message ADD COLUMN expires_at timestamptz;
ALTER TABLE message ADD COLUMN claimed_at timestamptz;
ALTER TABLE message DROP CONSTRAINT message_sealed;
ALTER TABLE message ADD CONSTRAINT message_sealed CHECK (sealed IS NULL OR state IN ('waiting', 'sending', 'failed'));
ALTER TABLE message DROP CONSTRAINT message_state_check;
ALTER TABLE message ADD CONSTRAINT message_state_check
    CHECK (state IN ('waiting', 'sending', 'delivered', 'bounced', 'failed', 'withheld'));
DROP INDEX message_sealed_for;
CREATE INDEX message_sealed_for ON message (sealed_for)
    WHERE sealed_for IS NOT NULL AND state IN ('waiting', 'sending', 'failed');

-- An earlier version that still runs beside this one would take what it cannot write for that of an erased person, and
-- delete it. It does not note when it claims; such a claim does nothing.
CREATE FUNCTION message_needs_claim() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER message_needs_claim BEFORE UPDATE ON message FOR EACH ROW
    WHEN (NEW.state = 'sending' AND OLD.sealed IS NULL AND NEW.attempts > OLD.attempts
          AND NEW.claimed_at IS NOT DISTINCT FROM OLD.claimed_at)
    EXECUTE FUNCTION message_needs_claim();
