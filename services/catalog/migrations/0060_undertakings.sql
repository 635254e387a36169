-- expand: read models of undertakings, and what their clock looks at
CREATE TABLE undertaking (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    organisation_id uuid NOT NULL,
    readers uuid[] NOT NULL,
    status text NOT NULL,
    title_key text NOT NULL,
    letters text NOT NULL,
    changed_at timestamptz NOT NULL,
    project_id uuid,
    entry jsonb NOT NULL
);
CREATE INDEX undertaking_organisation ON undertaking (organisation_id);
CREATE INDEX undertaking_readers ON undertaking USING gin (readers);
CREATE INDEX undertaking_finished ON undertaking (changed_at) WHERE status = 'finished';

CREATE TABLE undertaking_reminder (
    undertaking_id uuid NOT NULL,
    step_id text NOT NULL,
    remind_on date NOT NULL,
    due_on date NOT NULL,
    PRIMARY KEY (undertaking_id, step_id)
);
CREATE INDEX undertaking_reminder_due ON undertaking_reminder (due_on, remind_on);
