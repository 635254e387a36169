-- expand: what came back, the addresses that nothing is sent to, where mails went, and what operators decided
-- `address_mark` is a keyed hash of the address a message was last sent to; it goes with the row.
ALTER TABLE message ADD COLUMN address_mark uuid;
CREATE INDEX message_person ON message (person_id, seq);
CREATE INDEX message_seq ON message (seq);
CREATE INDEX message_to_report ON message (seq)
    WHERE NOT reported AND (state IN ('delivered', 'bounced') OR state = 'withheld' AND reason = 'suppressed');

-- `host` is what stands behind the @ of an address that a mail could not be handed over to.
ALTER TABLE attempt ADD COLUMN host text;
CREATE INDEX attempt_at ON attempt USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- Read model of what is known of addresses, by their marks alone. `soft` counts what came back lately.
CREATE TABLE suppression (
    address_mark uuid PRIMARY KEY,
    version bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('counted', 'suppressed', 'lifted')),
    cause text CHECK (cause IN ('hard', 'soft', 'complaint', 'operator')),
    status text,
    note text,
    message_id uuid,
    soft smallint NOT NULL,
    since timestamptz,
    until timestamptz,
    changed_at timestamptz NOT NULL
);
CREATE INDEX suppression_changed ON suppression (changed_at DESC, address_mark DESC);
CREATE INDEX suppression_soft ON suppression (address_mark) WHERE soft > 0;

-- What came back, each mail and report once (`digest`). `place` is where one lies that could not be read. It is
-- `settled` when its message has got its verdict, or there is nothing to say.
CREATE TABLE bounce (
    id uuid PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    source text NOT NULL CHECK (source IN ('mailbox', 'webhook')),
    place text UNIQUE,
    said text NOT NULL CHECK (said IN ('failed', 'complaint', 'nothing', 'forged', 'unreadable')),
    message_id uuid,
    reason text,
    status text,
    code smallint,
    problem text,
    settled boolean NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX bounce_received ON bounce (received_at DESC, id DESC);
CREATE INDEX bounce_unsettled ON bounce (received_at) WHERE NOT settled;
CREATE INDEX bounce_message ON bounce (message_id) WHERE message_id IS NOT NULL;

-- How the mailbox was when it was last looked into.
CREATE TABLE bounce_mailbox (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    tried_at timestamptz NOT NULL,
    looked_at timestamptz,
    problem text,
    taken bigint NOT NULL DEFAULT 0
);

-- What operators decided about single messages, once for each command.
CREATE TABLE message_decision (
    command_id uuid PRIMARY KEY,
    message_id uuid NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    fingerprint bytea,
    decision text NOT NULL CHECK (decision IN ('retry', 'discard')),
    reason text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX message_decision_message ON message_decision (message_id);
