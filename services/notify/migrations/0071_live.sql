-- expand: what the live stream tells, and who listens to what concerns them alone
-- `position` is given after the commit, by one at a time: what is visible grows in order and without holes. `mark` tells
-- an item from another that had the same position before a restore. Without `person_id` it is for everybody.
CREATE TABLE live_item (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint,
    mark text NOT NULL,
    person_id text,
    event_id text NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT live_item_position UNIQUE (position),
    CONSTRAINT live_item_once UNIQUE NULLS NOT DISTINCT (person_id, event_id, mark)
) WITH (fillfactor = 80);
CREATE INDEX live_item_fresh ON live_item (id) WHERE position IS NULL;
CREATE INDEX live_item_age ON live_item (created_at);

CREATE TABLE live_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint NOT NULL
);
INSERT INTO live_counter (last) VALUES (0);

CREATE TABLE live_listener (
    person_id text PRIMARY KEY,
    until timestamptz NOT NULL
);
CREATE INDEX live_listener_until ON live_listener (until);
