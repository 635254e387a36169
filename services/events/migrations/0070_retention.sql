-- expand: since when sessions are over and registrations at an end, what is left of forgotten ones, keys to destroy
CREATE TABLE session_ended (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    ended_at timestamptz
);
INSERT INTO session_ended (session_id, version, ended_at)
SELECT s.session_id, s.version, coalesce(CASE WHEN s.stage <> 'cancelled' THEN s.over END, p.changed_at)
FROM session_view s JOIN session_page p USING (session_id)
WHERE s.stage IN ('held', 'documented', 'cancelled');

CREATE TABLE registration_left (
    registration_id text PRIMARY KEY,
    session_id text NOT NULL,
    person_id text NOT NULL,
    left_at timestamptz NOT NULL
);
CREATE INDEX registration_left_at ON registration_left (left_at);

-- How many registrations of a session are forgotten, by status; `version` is that of the last portion.
CREATE TABLE registrations_forgotten (
    session_id text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (session_id, status)
);

-- Registrations whose keys are still to be destroyed.
CREATE TABLE registration_leftover (
    registration_id text PRIMARY KEY
);

-- When to look for answers to forget in a session again; never where `look_at` is null. Only saves looking: without a
-- row, after another end of the session, or with another time to keep answers (null: for ever), it is looked.
CREATE TABLE answers_looked_at (
    session_id text PRIMARY KEY,
    ended_at timestamptz NOT NULL,
    kept interval,
    look_at timestamptz
);
