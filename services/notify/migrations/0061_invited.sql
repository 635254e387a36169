-- expand: who was invited by an announcement, and what was answered
-- The token is in the mail alone, here is only its SHA-256. A row is written with the message that brings the link.
CREATE TABLE invited (
    announcement_id uuid NOT NULL,
    person_id text NOT NULL,
    token_digest bytea NOT NULL UNIQUE,
    invited_at timestamptz NOT NULL,
    PRIMARY KEY (announcement_id, person_id)
);
CREATE INDEX invited_person ON invited (person_id);

CREATE TABLE invited_answer (
    id uuid PRIMARY KEY,
    announcement_id uuid NOT NULL,
    person_id text NOT NULL,
    version bigint NOT NULL,
    answer text NOT NULL CHECK (answer IN ('accepted', 'declined')),
    answered_at timestamptz NOT NULL
);
CREATE INDEX invited_answer_announcement ON invited_answer (announcement_id, answer);
CREATE INDEX invited_answer_person ON invited_answer (person_id);
