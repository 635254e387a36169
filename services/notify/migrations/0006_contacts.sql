-- expand: mailings and messages about a contact request, which have no session
ALTER TABLE mailing ALTER COLUMN session_id DROP NOT NULL;
ALTER TABLE mailing ADD COLUMN contact_request_id text;
ALTER TABLE message ALTER COLUMN session_id DROP NOT NULL;
ALTER TABLE message ALTER COLUMN registration_id DROP NOT NULL;
ALTER TABLE message ADD COLUMN sealed_for text;
COMMENT ON COLUMN message.sealed_for IS 'whose key seals it, too, beside the recipient''s';
CREATE INDEX message_sealed_for ON message (sealed_for) WHERE sealed_for IS NOT NULL AND sealed IS NOT NULL;
