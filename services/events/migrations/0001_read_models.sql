-- expand: series, sessions and registrations as they are read; people who are to be forgotten
CREATE TABLE series_view (
    series_id text PRIMARY KEY,
    version bigint NOT NULL,
    slug text NOT NULL,
    title text NOT NULL,
    content jsonb NOT NULL
);
CREATE INDEX series_view_slug ON series_view (slug);

-- What sessions are chosen by, in narrow rows. `begins` and `over` are null while the date is open, `due_at` is when the
-- clock itself does something next.
CREATE TABLE session_view (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    series_id text NOT NULL,
    stage text NOT NULL,
    intake text NOT NULL,
    mode text NOT NULL,
    topics text[] NOT NULL,
    capacity integer,
    begins timestamptz,
    over timestamptz,
    due_at timestamptz
);
CREATE INDEX session_view_begins ON session_view (begins);
CREATE INDEX session_view_due ON session_view (due_at) WHERE due_at IS NOT NULL;

-- What is shown of them: `life` is the session as its aggregate records it, `words` what a search looks at.
CREATE TABLE session_page (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    words text NOT NULL,
    life jsonb NOT NULL
);

-- Apart from session_view, so that a rush of registrations rewrites a few bytes only.
CREATE TABLE session_seats (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    seated integer NOT NULL,
    waiting integer NOT NULL
) WITH (fillfactor = 50);

-- `received_version` is the session's version of the receipt: the order of the queue, and who was there before what.
CREATE TABLE registration (
    registration_id text PRIMARY KEY,
    session_id text NOT NULL,
    person_id text NOT NULL,
    version bigint NOT NULL,
    received_version bigint NOT NULL,
    received_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('received', 'confirmed', 'waitlisted', 'lapsed', 'withdrawn')),
    confirm_by timestamptz,
    organisation_id text,
    token_hash text NOT NULL,
    sealed text NOT NULL,
    sealed_answers text,
    CONSTRAINT registration_token UNIQUE (token_hash)
);
CREATE INDEX registration_session ON registration (session_id, received_version);
CREATE INDEX registration_waiting ON registration (session_id, received_version) WHERE status = 'waitlisted';
CREATE INDEX registration_person ON registration (person_id);
CREATE INDEX registration_confirm_by ON registration (confirm_by) WHERE confirm_by IS NOT NULL;
-- Last line of defence: a person takes one place in a session, however it came about.
CREATE UNIQUE INDEX registration_once ON registration (session_id, person_id)
    WHERE status IN ('received', 'confirmed', 'waitlisted');

-- Places of erased people that are still to be given back.
CREATE TABLE erasure (
    person_id text NOT NULL,
    session_id text NOT NULL,
    PRIMARY KEY (person_id, session_id)
);
