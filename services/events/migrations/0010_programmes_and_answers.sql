-- expand: versions of programmes, talks by project, answers to postponements; fill with `ikz rebuild events --all`
CREATE TABLE session_agenda (
    session_id text NOT NULL,
    agenda_version integer NOT NULL,
    published_at timestamptz,
    talks jsonb NOT NULL,
    PRIMARY KEY (session_id, agenda_version)
);

-- `part` is planned or held.
CREATE TABLE session_project (
    session_id text NOT NULL,
    part text NOT NULL,
    project_id text NOT NULL,
    PRIMARY KEY (project_id, session_id, part)
);
CREATE INDEX session_project_session ON session_project (session_id);

-- Whether a session's new date suits: who has a place and was received before `asked_version` of it owes an answer,
-- unless a later one was given. `answer_by` is null while the date is open; `go` says what becomes of the silent.
CREATE TABLE session_asking (
    session_id text PRIMARY KEY,
    asked_version bigint NOT NULL,
    answer_by timestamptz,
    go boolean NOT NULL,
    open boolean NOT NULL
);
CREATE INDEX session_asking_due ON session_asking (answer_by) WHERE open AND go;

-- The last answer that the new date suits, and the session's version of it.
ALTER TABLE registration ADD COLUMN reconfirmed_at timestamptz, ADD COLUMN reconfirmed_version bigint;

CREATE INDEX session_view_span ON session_view USING gist (tstzrange(begins, greatest(begins, over)))
    WHERE begins IS NOT NULL;
