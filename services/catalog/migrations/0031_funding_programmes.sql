-- expand: funding programmes, and key figures with their versions
CREATE TABLE funding_programme (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    withdrawn boolean NOT NULL,
    dated date NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    terms jsonb NOT NULL
);

ALTER TABLE key_figure
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
UPDATE key_figure k SET version = j.version
FROM (SELECT stream, max(version) AS version FROM journal WHERE stream LIKE 'key_figure-%' GROUP BY stream) j
WHERE j.stream = 'key_figure-' || k.id;
