-- expand: what calendars show of each session, kept as text; a person's own calendar address
-- `version` and `form` say what the text was made of: one that is behind is made anew when it is asked for.
CREATE TABLE session_entry (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    form smallint NOT NULL,
    entry text
);
CREATE INDEX session_view_series ON session_view (series_id);
CREATE INDEX session_view_topics ON session_view USING gin (topics);

-- Since which version of its stream a session has had a SEQUENCE, and the times that belong to it.
CREATE TABLE session_step (
    session_id text NOT NULL,
    since bigint NOT NULL,
    sequence integer NOT NULL,
    times jsonb NOT NULL,
    PRIMARY KEY (session_id, since)
);

CREATE TABLE calendar_address (
    person_id text PRIMARY KEY,
    version bigint NOT NULL,
    token_hash text NOT NULL,
    sealed text NOT NULL,
    CONSTRAINT calendar_address_token UNIQUE (token_hash)
);

-- Addresses of erased people that are still to be taken back.
CREATE TABLE calendar_erasure (
    person_id text PRIMARY KEY
);
