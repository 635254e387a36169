-- expand: questions as they are read; people whose questions are to be forgotten; keys that are to be destroyed
-- `state` is the question as its aggregate records it. Everything that people wrote in it is sealed.
CREATE TABLE question (
    question_id text PRIMARY KEY,
    session_id text NOT NULL,
    person_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL,
    asked_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    confirm_by timestamptz,
    token_hash text NOT NULL,
    merged_into text,
    postponements integer NOT NULL,
    answered_in bigint NOT NULL,
    host_version bigint NOT NULL,
    published boolean NOT NULL,
    forgotten boolean NOT NULL,
    state jsonb NOT NULL,
    CONSTRAINT question_token UNIQUE (token_hash)
);
CREATE INDEX question_of_session ON question (session_id, asked_at, question_id);
CREATE INDEX question_asked ON question (asked_at, question_id);
CREATE INDEX question_of_person ON question (person_id);
CREATE INDEX question_confirm_by ON question (confirm_by) WHERE confirm_by IS NOT NULL;
CREATE INDEX question_merged ON question (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX question_open ON question (session_id, postponements) WHERE status IN ('submitted', 'accepted', 'merged');
CREATE INDEX question_kept ON question (changed_at) WHERE NOT forgotten AND NOT published;

-- How often a session was postponed since it is here: questions that saw fewer are carried over.
CREATE TABLE question_session (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    postponements integer NOT NULL
);

CREATE TABLE question_order (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    question_ids text[] NOT NULL
);

-- Questions of erased people of which that is still to be recorded.
CREATE TABLE question_erasure (
    question_id text PRIMARY KEY
);

-- Questions whose own keys are to be destroyed.
CREATE TABLE question_leftover (
    question_id text PRIMARY KEY
);
