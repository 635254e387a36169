-- expand: imports, what they still have to do and what was wrong; a project's row of the exported table
CREATE TABLE project_import (
    id uuid PRIMARY KEY,
    status text NOT NULL,
    begun_at timestamptz NOT NULL,
    actor text NOT NULL,
    state jsonb NOT NULL
);
CREATE INDEX project_import_begun_at ON project_import (begun_at, id);
CREATE INDEX project_import_running ON project_import (begun_at) WHERE status = 'running';

-- Beside the journal: rows until they are done, lines of the report until nobody asks for them any more.
CREATE TABLE import_row (
    import_id uuid NOT NULL,
    number int NOT NULL,
    project_id uuid NOT NULL,
    content json NOT NULL,
    steps text[] NOT NULL,
    kept_since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, number)
);
CREATE INDEX import_row_kept_since ON import_row (kept_since);
CREATE TABLE import_line (
    import_id uuid NOT NULL,
    row_number int NOT NULL,
    ordinal int NOT NULL,
    heading text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    value text NOT NULL,
    kept_since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, row_number, ordinal)
);
CREATE INDEX import_line_kept_since ON import_line (kept_since);

-- The cells that speak for themselves, ready as text; a row from before has none and is written when it is asked for.
ALTER TABLE project_page
    ADD COLUMN cells_before text,
    ADD COLUMN cells_after text,
    ADD COLUMN topics text,
    ADD COLUMN partners text;
