-- expand: announcements that are published by themselves at a moment, and those that go out by mail
ALTER TABLE news ADD COLUMN plan jsonb;
ALTER TABLE news ADD COLUMN publish_at timestamptz;
ALTER TABLE news ADD COLUMN changed_at timestamptz;
COMMENT ON COLUMN news.publish_at IS 'when a draft is published by itself';
CREATE INDEX news_due ON news (publish_at) WHERE publish_at IS NOT NULL;

-- One row for each time that an announcement goes out: the announcement itself, a correction, a reminder of an
-- invitation. `version` is that of the event in the announcement's stream that asked for it; `keyed_at` makes it one, however
-- often it is noted: what the clock publishes has its planned moment, also when a restored database does it again.
CREATE TABLE announcement_mailing (
    announcement_id uuid NOT NULL,
    version bigint NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('announcement', 'correction', 'reminder')),
    ordered_at timestamptz NOT NULL,
    keyed_at timestamptz NOT NULL,
    note text,
    plan jsonb,
    stopped_at timestamptz,
    PRIMARY KEY (announcement_id, version)
);
CREATE INDEX announcement_mailing_ordered ON announcement_mailing (ordered_at) WHERE stopped_at IS NULL;
