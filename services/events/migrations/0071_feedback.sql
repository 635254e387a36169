-- expand: feedback as it is read, and the box with the answers while it is open
CREATE TABLE feedback_view (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    title text NOT NULL,
    questions jsonb NOT NULL,
    invited integer NOT NULL,
    minimum integer NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    opened_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    closed_at timestamptz,
    given integer,
    tallies jsonb
);
CREATE INDEX feedback_view_closes ON feedback_view (closes_at) WHERE state = 'open';
CREATE INDEX session_view_held ON session_view (over) WHERE stage IN ('held', 'documented');

-- The box is no read model: what is in it is nowhere else, and no row says when it came or what it came with.
CREATE TABLE feedback_box (
    session_id text PRIMARY KEY,
    closed boolean NOT NULL DEFAULT false,
    given integer NOT NULL DEFAULT 0,
    tallied integer NOT NULL DEFAULT 0
);
CREATE TABLE feedback_spent (
    mark text PRIMARY KEY,
    session_id text NOT NULL,
    attempt text
);
CREATE INDEX feedback_spent_session ON feedback_spent (session_id);
CREATE TABLE feedback_answer (
    session_id text NOT NULL,
    question text NOT NULL,
    value text NOT NULL,
    sealed boolean NOT NULL
);
CREATE INDEX feedback_answer_session ON feedback_answer (session_id);
CREATE TABLE feedback_tally (
    session_id text NOT NULL,
    question text NOT NULL,
    value text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (session_id, question, value)
);
CREATE TABLE feedback_text (
    text_id text PRIMARY KEY,
    session_id text NOT NULL,
    question text NOT NULL,
    sealed text NOT NULL
);
CREATE INDEX feedback_text_session ON feedback_text (session_id, text_id);
