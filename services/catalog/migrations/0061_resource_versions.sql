-- expand: resources keep their versions and what was downloaded is counted; fill with `ikz rebuild catalog resources`
ALTER TABLE resource
    ADD COLUMN stream_version bigint NOT NULL DEFAULT 0,
    ADD COLUMN letters text NOT NULL DEFAULT '',
    ADD COLUMN retired text,
    ADD COLUMN retired_at timestamptz;

CREATE TABLE resource_version (
    resource_id uuid NOT NULL,
    version int NOT NULL,
    published_at timestamptz NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (resource_id, version)
);

-- No read model: downloads are no facts of the journal. One row a day, and nothing about who it was.
CREATE TABLE resource_download (
    resource_id uuid NOT NULL,
    version int NOT NULL,
    day date NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (resource_id, version, day)
);
