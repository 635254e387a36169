-- expand: what could not be written is found again, to be given up and forgotten when it is too old
CREATE INDEX message_failed ON message (created_at) WHERE state = 'failed';
