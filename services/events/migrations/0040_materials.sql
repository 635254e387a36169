-- expand: a session's materials as they are read, their downloads, and since when nothing refers to a file
CREATE TABLE material (
    material_id text PRIMARY KEY,
    session_id text NOT NULL,
    version bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'released', 'withdrawn', 'deleted')),
    digests text[] NOT NULL,
    material jsonb NOT NULL
);
CREATE INDEX material_session ON material (session_id);
CREATE INDEX material_digests ON material USING gin (digests);

-- Counted once, never built anew: nothing in the journal tells of downloads.
CREATE TABLE material_download (
    material_id text NOT NULL,
    version integer NOT NULL,
    day date NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (material_id, version, day)
);

CREATE TABLE unwanted_file (
    sha256 text PRIMARY KEY,
    since timestamptz NOT NULL
);
