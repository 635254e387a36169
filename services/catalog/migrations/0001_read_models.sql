-- expand: read models of projects, organisations, topics, resources and key figures
CREATE TABLE project_page (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    public boolean NOT NULL,
    predecessor uuid,
    entry jsonb NOT NULL
);
CREATE INDEX project_page_predecessor ON project_page (predecessor) WHERE predecessor IS NOT NULL;

CREATE TABLE project_step (
    project_id uuid NOT NULL,
    version bigint NOT NULL,
    step text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (project_id, version)
);

-- What can be searched. Columns below `best_practice` follow from the others and from search_name.
CREATE TABLE search_project (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    status text NOT NULL DEFAULT 'drafted',
    pending boolean NOT NULL DEFAULT false,
    published_at timestamptz,
    changed_at timestamptz NOT NULL,
    title text NOT NULL,
    title_key text NOT NULL,
    plain text[] NOT NULL,
    folded text[] NOT NULL,
    topics text[] NOT NULL,
    legal_form text,
    stage text,
    participants text[] NOT NULL,
    card jsonb NOT NULL,
    best_practice boolean NOT NULL DEFAULT false,
    groups text[] NOT NULL DEFAULT '{}',
    districts text[] NOT NULL DEFAULT '{}',
    words tsvector NOT NULL DEFAULT '',
    letters text NOT NULL DEFAULT ''
);
COMMENT ON COLUMN search_project.plain IS 'title; summary, keywords and the like; the rest: weights A, B, C';
CREATE INDEX search_project_words ON search_project USING gin (words);
CREATE INDEX search_project_letters ON search_project USING gin (letters gin_trgm_ops);
CREATE INDEX search_project_topics ON search_project USING gin (topics);
CREATE INDEX search_project_participants ON search_project USING gin (participants);

-- Names that projects are found by but that are not their own: of topics and of organisations.
CREATE TABLE search_name (
    kind text NOT NULL,
    key text NOT NULL,
    names text[] NOT NULL,
    folded text NOT NULL,
    topic_group text,
    districts text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (kind, key)
);

CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    ags text UNIQUE,
    name text NOT NULL,
    name_key text NOT NULL,
    keys text NOT NULL,
    type text NOT NULL,
    district text,
    service_districts text[] NOT NULL,
    service_municipalities text[] NOT NULL,
    profile jsonb NOT NULL
);
CREATE INDEX organisation_name_key ON organisation (name_key);
CREATE INDEX organisation_keys ON organisation USING gin (keys gin_trgm_ops);

CREATE TABLE topic (
    code text PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    label text NOT NULL,
    label_key text NOT NULL,
    former_labels text[] NOT NULL DEFAULT '{}',
    keys text NOT NULL,
    group_code text NOT NULL,
    group_slug text NOT NULL,
    group_label text NOT NULL
);

CREATE TABLE resource (
    id uuid PRIMARY KEY,
    version int NOT NULL,
    published_at timestamptz NOT NULL,
    title_key text NOT NULL,
    kind text NOT NULL,
    topics text[] NOT NULL,
    details jsonb NOT NULL
);

CREATE TABLE key_figure (
    id uuid PRIMARY KEY,
    stated_on date NOT NULL,
    reading jsonb NOT NULL
);
