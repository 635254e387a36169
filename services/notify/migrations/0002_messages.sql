-- expand: what is to be told (mailing), to whom (message), and how each attempt went
-- `data` is the contract's, `session` what its owner answered first; neither holds personal data. After a restore of its
-- publisher, the same event id with another `recorded_at` is another event.
CREATE TABLE mailing (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause text NOT NULL,
    recorded_at timestamptz NOT NULL,
    kind text NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    session_id text NOT NULL,
    registration_id text,
    as_of_version bigint,
    priority smallint NOT NULL,
    happened_at timestamptz NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'expanded', 'abandoned')),
    session jsonb,
    after text,
    messages int NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    ready_at timestamptz NOT NULL,
    problem text,
    CONSTRAINT mailing_once UNIQUE (cause, recorded_at, kind)
);
CREATE INDEX mailing_open ON mailing (id) WHERE state = 'open';
CREATE INDEX mailing_open_session ON mailing (session_id, id) WHERE state = 'open';

-- `lane` is what must stay in order: one person's messages about one session. `sealed` is what is known of the person,
-- encrypted, and gone when the message is done with. `ready_at`: when it may be claimed, or when a claim runs out.
CREATE TABLE message (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    mailing_id bigint NOT NULL REFERENCES mailing (id),
    kind text NOT NULL,
    channel text NOT NULL CHECK (channel = 'email'),
    person_id text NOT NULL,
    session_id text NOT NULL,
    registration_id text NOT NULL,
    lane text NOT NULL,
    priority smallint NOT NULL,
    calendar text CHECK (calendar IN ('REQUEST', 'CANCEL')),
    sealed text,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'delivered', 'bounced', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    ready_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    reason text,
    status text,
    reported boolean NOT NULL DEFAULT false,
    CONSTRAINT message_once UNIQUE (mailing_id, person_id, channel),
    CONSTRAINT message_sealed CHECK ((sealed IS NOT NULL) = (state IN ('waiting', 'sending', 'failed')))
) WITH (fillfactor = 80);
CREATE INDEX message_unsent ON message (priority, seq) WHERE state IN ('waiting', 'sending');
CREATE INDEX message_lane ON message (lane, seq) WHERE state IN ('waiting', 'sending');
CREATE INDEX message_registration ON message (registration_id, seq);
CREATE INDEX message_unreported ON message (seq) WHERE NOT reported AND state IN ('delivered', 'bounced');
CREATE INDEX message_kind ON message (kind, state);

CREATE TABLE attempt (
    message_id uuid NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    number smallint NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'refused', 'deferred', 'lost', 'failed')),
    code smallint,
    status text,
    took_ms int NOT NULL,
    PRIMARY KEY (message_id, number)
);
