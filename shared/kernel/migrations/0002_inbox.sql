-- expand: what the relay remembers of its stream; inboxes with their checkpoints, versions and dead letters
-- How the stream looked when the relay last looked: created when, its first and last message, the position of the last.
-- `republish`: somebody asks for everything to be published again.
CREATE TABLE relay_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    stream_created text NOT NULL,
    first_seq bigint NOT NULL,
    first_at text NOT NULL,
    last_seq bigint NOT NULL,
    position bigint NOT NULL,
    republish boolean NOT NULL DEFAULT false,
    saved_at timestamptz NOT NULL
) WITH (fillfactor = 10);

-- The checkpoint of a consumer of another service's stream: locked by every transaction that acts on its messages.
-- `position` and `store_id` say how far in the source's journal, `stream_created` and `stream_seq` where that stood.
CREATE TABLE inbox_consumer (
    consumer text NOT NULL,
    source text NOT NULL,
    store_id text,
    position bigint NOT NULL,
    stream_created text,
    stream_seq bigint NOT NULL,
    installed_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, source)
) WITH (fillfactor = 10);

-- Every message that was taken in. The same id with another `recorded_at` is another event: its source's journal was
-- restored to an older state and went on differently.
CREATE TABLE inbox (
    consumer text NOT NULL,
    source text NOT NULL,
    id text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, source, id)
);

-- The last version of each aggregate that was seen: applied, of no interest, or waiting as a dead letter.
CREATE TABLE inbox_aggregate (
    consumer text NOT NULL,
    source text NOT NULL,
    aggregate text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (consumer, source, aggregate)
) WITH (fillfactor = 50);

-- Messages that could not be applied (`failed`) and those of the same aggregate that wait behind them (`blocked`).
-- `next_at` is when a failed one is tried again; null: not before somebody asks for it.
CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    source text NOT NULL,
    aggregate text NOT NULL,
    position bigint NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    message bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('failed', 'blocked', 'discarded')),
    error text,
    attempts integer NOT NULL,
    reason text,
    received_at timestamptz NOT NULL,
    tried_at timestamptz,
    next_at timestamptz,
    CONSTRAINT dead_letter_event UNIQUE (consumer, source, event_id)
);
CREATE INDEX dead_letter_line ON dead_letter (consumer, source, aggregate, position) WHERE state <> 'discarded';
CREATE INDEX dead_letter_due ON dead_letter (consumer, source, next_at) WHERE state = 'failed';
