-- expand: who came, organisations as the catalogue tells of them, messages to groups, what stays of a session's people
CREATE TABLE attendance (
    registration_id text PRIMARY KEY,
    session_id text NOT NULL,
    person_id text NOT NULL,
    version bigint NOT NULL,
    present boolean NOT NULL,
    walk_in boolean NOT NULL,
    how text NOT NULL,
    entry text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL
);
CREATE INDEX attendance_session ON attendance (session_id);
CREATE INDEX attendance_person ON attendance (person_id);

-- Heard from the catalogue; the newest word of an organisation is the whole of it.
CREATE TABLE organisation_known (
    organisation_id text PRIMARY KEY,
    name text NOT NULL,
    organisation_type text NOT NULL,
    ags text,
    size_class text,
    merged_into text
);
CREATE INDEX organisation_known_ags ON organisation_known (ags) WHERE ags IS NOT NULL;

CREATE TABLE group_message (
    message_id text PRIMARY KEY,
    session_id text NOT NULL,
    version bigint NOT NULL,
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    audience jsonb NOT NULL,
    subject text NOT NULL,
    text text NOT NULL
);
CREATE INDEX group_message_session ON group_message (session_id, version);

-- Filled once, before the registrations it counts are erased; then it is what remains of them.
CREATE TABLE session_statistics (
    session_id text PRIMARY KEY,
    counted_at timestamptz NOT NULL,
    counts jsonb NOT NULL
);

-- Certificates in the making, and the sheets until somebody fetched them or they expire. A sheet is sealed with the key
-- of whom it certifies something, so that an erasure takes it at once.
CREATE TABLE certificate_batch (
    batch_id text PRIMARY KEY,
    session_id text NOT NULL,
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done')),
    expires_at timestamptz NOT NULL
);
CREATE INDEX certificate_batch_running ON certificate_batch (requested_at) WHERE state = 'running';
CREATE UNIQUE INDEX certificate_batch_once ON certificate_batch (session_id) WHERE state = 'running';
CREATE INDEX certificate_batch_session ON certificate_batch (session_id, requested_at);
CREATE TABLE certificate_sheet (
    batch_id text NOT NULL,
    registration_id text NOT NULL,
    person_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('wanted', 'set', 'failed')),
    sealed text,
    PRIMARY KEY (batch_id, registration_id)
);
CREATE INDEX certificate_sheet_person ON certificate_sheet (person_id);

CREATE INDEX registration_organisation ON registration (session_id, organisation_id) WHERE organisation_id IS NOT NULL;
