-- expand: links to one's own data: short-lived, the token as a hash, and sealed until it has been mailed
CREATE TABLE data_link (
    link_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    digest bytea NOT NULL CONSTRAINT data_link_digest UNIQUE CHECK (octet_length(digest) = 32),
    sealed text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX data_link_person ON data_link (person_id);
CREATE INDEX data_link_expires ON data_link (expires_at);
CREATE INDEX audit_actor_number ON audit (actor, number);
