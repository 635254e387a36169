-- expand: whether a seat came from the queue, what was changed last, answers that are kept for a time of their own
ALTER TABLE registration
    ADD COLUMN promoted boolean NOT NULL DEFAULT false,
    ADD COLUMN stated_version bigint NOT NULL DEFAULT 0,
    ADD COLUMN change text NOT NULL DEFAULT '',
    ADD COLUMN sealed_for_days jsonb NOT NULL DEFAULT '{}';
