-- expand: entries of organisations and topics that lead to others, their versions, and what was done to them
ALTER TABLE organisation
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    ADD COLUMN merged_into uuid;
COMMENT ON COLUMN organisation.merged_into IS 'the entry that stays, however many mergings lie between';
CREATE INDEX organisation_merged_into ON organisation (merged_into) WHERE merged_into IS NOT NULL;
UPDATE organisation o SET version = j.version
FROM (SELECT stream, max(version) AS version FROM journal WHERE stream LIKE 'organisation-%' GROUP BY stream) j
WHERE j.stream = 'organisation-' || o.id;

ALTER TABLE topic
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    ADD COLUMN merged_into text,
    ADD COLUMN splitting boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN topic.merged_into IS 'the topic that stays, however many mergings lie between';
UPDATE topic t SET version = j.version
FROM (SELECT stream, max(version) AS version FROM journal WHERE stream LIKE 'topic-%' GROUP BY stream) j
WHERE j.stream = 'topic-' || t.code;

-- What editors did to an entry that is data: who, when, why.
CREATE TABLE entry_step (
    category text NOT NULL,
    id text NOT NULL,
    version bigint NOT NULL,
    step text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    said jsonb NOT NULL,
    PRIMARY KEY (category, id, version)
);
INSERT INTO entry_step (category, id, version, step, at, actor, reason, said)
SELECT split_part(stream, '-', 1), substr(stream, position('-' IN stream) + 1), version,
       lower(regexp_replace(type, '([a-z])([A-Z])', '\1_\2', 'g')),
       (data->>'at')::timestamptz, actor, data->>'reason', data::jsonb - 'at' - 'reason'
FROM journal WHERE stream LIKE 'organisation-%' OR stream LIKE 'topic-%' OR stream LIKE 'key\_figure-%';
