-- expand: people by address, erasures, tokens of machines and editors, the audit log
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    lookup bytea NOT NULL CONSTRAINT person_lookup UNIQUE CHECK (octet_length(lookup) = 32),
    address text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE erased_person (
    person_id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL
);

CREATE TABLE token (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    role text NOT NULL CHECK (role IN ('member', 'editor', 'operator')),
    label text NOT NULL CHECK (label ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX token_label ON token (label) WHERE revoked_at IS NULL;

CREATE TABLE audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    correlation_id text NOT NULL,
    status smallint
);
CREATE INDEX audit_actor ON audit (actor, at);
