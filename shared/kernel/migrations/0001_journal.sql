-- expand: the journal, the counter that numbers it, commands with their results, snapshots, cursors of projections
CREATE TABLE journal (
    position bigint PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    type text NOT NULL,
    form smallint NOT NULL,
    data json NOT NULL,
    actor text NOT NULL,
    command_id uuid NOT NULL,
    correlation_id text NOT NULL,
    causation_id text,
    traceparent text,
    history boolean NOT NULL,
    aggregate text,
    aggregate_version bigint,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT journal_stream_version UNIQUE (stream, version),
    CONSTRAINT journal_aggregate CHECK ((aggregate IS NULL) = (aggregate_version IS NULL))
);

-- One row, locked last in every appending transaction: positions are gapless and become visible in their order.
CREATE TABLE journal_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    store_id uuid NOT NULL,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO journal_counter (position, store_id, created_at) VALUES (0, gen_random_uuid(), now());

CREATE TABLE command (
    id uuid PRIMARY KEY,
    fingerprint bytea,
    stream text NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE snapshot (
    stream text PRIMARY KEY,
    version bigint NOT NULL,
    position bigint NOT NULL,
    form smallint NOT NULL,
    published jsonb NOT NULL,
    state bytea NOT NULL
);

CREATE TABLE projection (
    name text PRIMARY KEY,
    position bigint NOT NULL
);

-- What a group append hands over, row by row. Their shape belongs to the code that sends them: another shape is another type.
CREATE TYPE appended_event AS (
    ordinal bigint,
    stream text,
    version bigint,
    type text,
    form smallint,
    data json,
    actor text,
    command_id uuid,
    correlation_id text,
    causation_id text,
    traceparent text,
    history boolean,
    aggregate text,
    aggregate_version bigint,
    recorded_at timestamptz
);
CREATE TYPE remembered_command AS (
    id uuid,
    fingerprint bytea,
    stream text,
    version bigint,
    position bigint,
    ordinal bigint,
    at timestamptz
);
