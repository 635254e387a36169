-- expand: texts for contacts and where they go, sealed; what has to be destroyed or recorded because of them
CREATE TABLE contact_request (
    id uuid PRIMARY KEY,
    about text NOT NULL CHECK (about IN ('project', 'cooperation_request')),
    about_id uuid NOT NULL,
    person_id text,
    token_hash text NOT NULL,
    vault_subject text NOT NULL,
    sealed text,
    status text NOT NULL CHECK (status IN ('received', 'confirmed', 'passed_on', 'undeliverable', 'lapsed')),
    confirm_by timestamptz NOT NULL,
    kept_since timestamptz NOT NULL,
    CONSTRAINT contact_request_token UNIQUE (token_hash)
);
COMMENT ON COLUMN contact_request.person_id IS 'who wrote it, as long as there is a text';
COMMENT ON COLUMN contact_request.kept_since IS 'when the last thing happened that the text was kept for';
CREATE INDEX contact_request_unconfirmed ON contact_request (confirm_by) WHERE status = 'received' AND sealed IS NOT NULL;
CREATE INDEX contact_request_kept ON contact_request (kept_since) WHERE sealed IS NOT NULL;
CREATE INDEX contact_request_person ON contact_request (person_id) WHERE sealed IS NOT NULL;

CREATE TABLE contact_address (
    about_id uuid PRIMARY KEY,
    about text NOT NULL CHECK (about IN ('project', 'cooperation_request')),
    person_id text NOT NULL,
    vault_subject text NOT NULL,
    sealed text NOT NULL,
    unused_since timestamptz
);
COMMENT ON COLUMN contact_address.unused_since IS 'when what it belongs to ended for good';
CREATE INDEX contact_address_person ON contact_address (person_id);
CREATE INDEX contact_address_unused ON contact_address (unused_since) WHERE unused_since IS NOT NULL;

-- Keys whose time is over, people who were erased, mails that were delivered or not: each waits for the clock's process.
CREATE TABLE vault_leftover (
    vault_subject text PRIMARY KEY
);
CREATE TABLE contact_erasure (
    person_id text PRIMARY KEY
);
CREATE TABLE contact_report (
    contact_request_id uuid PRIMARY KEY,
    delivered boolean NOT NULL
);
