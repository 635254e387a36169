-- expand: the read model of announcements
CREATE TABLE news (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    status text NOT NULL,
    kind text NOT NULL,
    session_id text,
    project_id text,
    content jsonb NOT NULL,
    sorted_at timestamptz,
    published_at timestamptz,
    published_on date,
    date_note text,
    corrected_at timestamptz,
    correction text
);
CREATE INDEX news_sorted ON news (status, sorted_at DESC, id DESC);
CREATE INDEX news_session ON news (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX news_project ON news (project_id) WHERE project_id IS NOT NULL;
