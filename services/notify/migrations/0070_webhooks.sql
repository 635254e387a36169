-- expand: webhooks (read model), what is to be told to each, every attempt, and how each of them fares
CREATE TABLE webhook (
    id uuid NOT NULL,
    version bigint NOT NULL,
    organisation_id text,
    status text NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    description text NOT NULL,
    reason text,
    note text,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    secrets jsonb NOT NULL,
    CONSTRAINT webhook_key PRIMARY KEY (id)
);
CREATE INDEX webhook_types ON webhook USING gin (types) WHERE status = 'enabled';
CREATE INDEX webhook_organisation ON webhook (organisation_id, id);

-- `body` is what is sent, byte by byte; `request` the command that last asked for it to be sent again. `testing` is one
-- that is sent by hand and never again. An event that its publisher recorded anew after a restore is another one.
CREATE TABLE webhook_delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id uuid NOT NULL,
    event_id text NOT NULL,
    recorded_at timestamptz NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'testing')),
    attempts int NOT NULL DEFAULT 0,
    since timestamptz NOT NULL,
    ready_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    request uuid,
    CONSTRAINT webhook_delivery_once UNIQUE (webhook_id, event_id, recorded_at)
) WITH (fillfactor = 80);
COMMENT ON COLUMN webhook_delivery.since IS 'when it was first to be sent, or was asked for again: its time runs from then';
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (webhook_id, ready_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_undone ON webhook_delivery (since) WHERE state IN ('waiting', 'testing');
CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at);

CREATE TABLE webhook_attempt (
    delivery_id bigint NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    number int NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    status smallint,
    took_ms int NOT NULL,
    CONSTRAINT webhook_attempt_key PRIMARY KEY (delivery_id, number)
);

-- One at a time serves a webhook, until `leased_until`; after a failure nothing of it is tried before `next_at`.
CREATE TABLE webhook_line (
    webhook_id uuid PRIMARY KEY,
    holder uuid,
    leased_until timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    failures int NOT NULL DEFAULT 0,
    failing_since timestamptz,
    slow boolean NOT NULL DEFAULT false,
    delivered_at timestamptz
) WITH (fillfactor = 50);
