-- expand: who hears of what: people who subscribed, their preferences, their subscriptions, searches that were opened
-- `address` is sealed (`services/notify/subscriber_sealing.py`): where to write, and the token of the person's own page.
-- `token_digest` finds the page by its token. Both are null for somebody who only said what is not wanted.
-- `paused_until` is 'infinity' while paused without an end.
CREATE TABLE subscriber (
    person_id text PRIMARY KEY,
    version bigint NOT NULL,
    card_id text,
    address text,
    token_digest bytea,
    digest_hour smallint NOT NULL DEFAULT 8 CHECK (digest_hour BETWEEN 0 AND 23),
    digest_weekday smallint NOT NULL DEFAULT 1 CHECK (digest_weekday BETWEEN 1 AND 7),
    quiet_from time,
    quiet_until time,
    quiet_weekends boolean NOT NULL DEFAULT false,
    paused_until timestamptz,
    CONSTRAINT subscriber_token UNIQUE (token_digest),
    CONSTRAINT subscriber_card UNIQUE (card_id)
);

-- What differs from the default. `channel` is email or portal.
CREATE TABLE preference (
    person_id text NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'portal')),
    rhythm text NOT NULL CHECK (rhythm IN ('immediate', 'daily', 'weekly', 'off')),
    PRIMARY KEY (person_id, kind, channel)
);

-- `id` follows from person, subject and key: whoever subscribes again has the same subscription again.
-- `key` is a kind's name, a topic's code, a municipality's or district's AGS, the id of a series or project, or a mark
-- of a search that tells nothing without this service's key. What a search asks for is what somebody typed: it is
-- sealed here as in the journal, and stands opened in `saved_search`.
-- Nothing older than `since` is told. `rhythm` null: as the preference for the kind says.
CREATE TABLE subscription (
    id uuid PRIMARY KEY,
    person_id text NOT NULL,
    version bigint NOT NULL,
    subject text NOT NULL
        CHECK (subject IN ('kind', 'topic', 'municipality', 'district', 'series', 'project', 'search')),
    key text NOT NULL,
    sealed_query text CHECK ((sealed_query IS NOT NULL) = (subject = 'search')),
    rhythm text CHECK (rhythm IN ('immediate', 'daily', 'weekly')),
    state text NOT NULL CHECK (state IN ('requested', 'confirmed', 'ended', 'lapsed')),
    text_version text NOT NULL,
    requested_at timestamptz NOT NULL,
    confirm_by timestamptz,
    confirmed_at timestamptz,
    since timestamptz,
    ended_at timestamptz,
    CONSTRAINT subscription_once UNIQUE (person_id, subject, key)
);
CREATE INDEX subscription_match ON subscription (subject, key) INCLUDE (person_id) WHERE state = 'confirmed';
CREATE INDEX subscription_confirm_by ON subscription (confirm_by) WHERE state = 'requested';
CREATE INDEX subscription_ended ON subscription (ended_at) WHERE state IN ('ended', 'lapsed');

-- Confirmed searches, opened: the catalogue query's parameters in canonical form, with `near` and `within` for distance.
-- No read model, which would need keys to be built: filled from `subscription.sealed_query` whenever one is missing,
-- emptied when the subscription ends. A search that changes is another subscription.
CREATE TABLE saved_search (
    subscription_id uuid PRIMARY KEY,
    person_id text NOT NULL,
    query jsonb NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE INDEX saved_search_person ON saved_search (person_id);

-- Erased subscribers of whom that is still to be recorded.
CREATE TABLE subscriber_erasure (
    person_id text PRIMARY KEY
);
