-- expand: when the people of a session are reminded of it
-- One row for each lead: it moves with the session and goes when the session does not take place. `told_at`: of this
-- begin they were reminded.
CREATE TABLE reminder (
    session_id text NOT NULL,
    lead text NOT NULL CHECK (lead IN ('day', 'hour')),
    starts_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (session_id, lead)
);
CREATE INDEX reminder_due ON reminder (due_at) WHERE told_at IS NULL;
