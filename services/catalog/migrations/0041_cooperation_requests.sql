-- expand: cooperation requests and what fits them; fill with `ikz rebuild catalog experience`
CREATE TABLE cooperation_request (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    changed_version bigint NOT NULL,
    kind text NOT NULL,
    organisation_id uuid NOT NULL,
    topics text[] NOT NULL,
    open boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    due_at timestamptz,
    entry jsonb NOT NULL
);
CREATE INDEX cooperation_request_topics ON cooperation_request USING gin (topics) WHERE open;
CREATE INDEX cooperation_request_opened ON cooperation_request (open, opened_at DESC, id);
CREATE INDEX cooperation_request_due ON cooperation_request (due_at) WHERE due_at IS NOT NULL;

COMMENT ON COLUMN cooperation_request.changed_version IS 'the version that a person made; later ones came by themselves';

-- Requests that are new or read differently since a version wait: the clock's process looks for others that fit. A row
-- stays when that is done, so that a rebuilt read model is not compared again.
CREATE TABLE cooperation_comparison (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    waits boolean NOT NULL DEFAULT true
);
CREATE INDEX cooperation_comparison_waits ON cooperation_comparison (id) WHERE waits;

-- What organisations have done already: published projects, by topic.
CREATE TABLE experience (
    project_id uuid PRIMARY KEY,
    title text NOT NULL,
    published_at timestamptz NOT NULL,
    topics text[] NOT NULL,
    organisation_ids uuid[] NOT NULL
);
CREATE TABLE experience_topic (
    project_id uuid NOT NULL,
    topic text NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, topic)
);
CREATE INDEX experience_topic_latest ON experience_topic (topic, published_at DESC, project_id);
