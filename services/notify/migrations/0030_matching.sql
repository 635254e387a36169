-- expand: what is published and by what it is followed, searches taken apart, who is told of what, digests
-- What there is, as it is now: `keys` (`subject:key`) are what follows from it, `times` those of a session. Filled from
-- what other services publish, loaded history included.
CREATE TABLE published_thing (
    kind text NOT NULL CHECK (kind IN ('session', 'project', 'resource', 'cooperation_request', 'announcement')),
    id text NOT NULL,
    title text NOT NULL,
    keys text[] NOT NULL DEFAULT '{}',
    times jsonb,
    gone boolean NOT NULL DEFAULT false,
    PRIMARY KEY (kind, id)
);
CREATE TABLE merged_topic (
    topic text PRIMARY KEY,
    into_topic text NOT NULL
);
CREATE TABLE known_body (
    organisation_id text PRIMARY KEY,
    ags text,
    merged_into text
);
-- Who subscribed to what is gone means what it went into.
CREATE VIEW former_key (subject, key, now) AS
SELECT 'topic', topic, into_topic FROM merged_topic
UNION ALL
SELECT CASE length(gone.ags) WHEN 8 THEN 'municipality' ELSE 'district' END, gone.ags, stays.ags
FROM known_body gone JOIN known_body stays ON stays.organisation_id = gone.merged_into
WHERE length(gone.ags) = length(stays.ags);

-- What a project needs to be found by a search: a key of each of so many groups, and to be near enough. Made by the
-- catalogue, by its `rules`; made anew when it is `stale`. Without a `sure` key of each group, or where the search
-- `needs_proof` anyway, the keys alone do not tell.
CREATE TABLE compiled_search (
    subscription_id uuid PRIMARY KEY REFERENCES saved_search (subscription_id) ON DELETE CASCADE,
    rules text NOT NULL,
    label text NOT NULL,
    groups smallint NOT NULL,
    needs_proof boolean NOT NULL,
    near text,
    within_km float8,
    stale boolean NOT NULL DEFAULT false
);
CREATE INDEX compiled_search_stale ON compiled_search (subscription_id) WHERE stale;
CREATE TABLE search_key (
    key text NOT NULL,
    subscription_id uuid NOT NULL REFERENCES compiled_search (subscription_id) ON DELETE CASCADE,
    part smallint NOT NULL,
    sure boolean NOT NULL,
    PRIMARY KEY (key, subscription_id, part)
);
CREATE INDEX search_key_subscription ON search_key (subscription_id);

-- Somebody is to be told of something, once however many subscriptions match: at once, or in the digest of a day.
-- Ids and no words: what is shown is looked up when it is sent.
CREATE TABLE finding (
    mailing_id bigint NOT NULL,
    person_id text NOT NULL,
    kind text NOT NULL,
    thing_kind text NOT NULL,
    thing_id text NOT NULL,
    subscriptions uuid[] NOT NULL,
    rhythm text NOT NULL CHECK (rhythm IN ('immediate', 'daily', 'weekly')),
    found_at timestamptz NOT NULL,
    digest_day date,
    PRIMARY KEY (mailing_id, person_id)
);
CREATE INDEX finding_waiting ON finding (person_id) WHERE digest_day IS NULL AND rhythm <> 'immediate';
CREATE INDEX finding_person ON finding (person_id, digest_day);
CREATE INDEX finding_thing ON finding (thing_kind, thing_id, person_id);
CREATE INDEX finding_found_at ON finding (found_at);

-- One digest a person and day, whatever becomes of clocks and settings. `hour` is whose mailing it is part of.
CREATE TABLE digest (
    person_id text NOT NULL,
    day date NOT NULL,
    hour smallint NOT NULL,
    closed_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, day)
);
CREATE INDEX digest_mailing ON digest (day, hour, person_id);
CREATE INDEX digest_closed_at ON digest (closed_at);

-- Who may have to be left alone for a while, and what waits until then.
CREATE INDEX subscriber_quiet ON subscriber (person_id) WHERE quiet_from IS NOT NULL OR quiet_weekends;
ALTER TABLE message ADD COLUMN held_until timestamptz;
CREATE INDEX message_quiet ON message (lane) WHERE held_until IS NOT NULL AND state = 'waiting';

-- Whether an announcement was mailed to somebody already.
CREATE INDEX mailing_announcement ON mailing ((data->>'announcement_id')) WHERE data ? 'announcement_id';
