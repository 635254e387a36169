-- expand: mail texts as editors changed them, and how each came to read as it does
-- `words` is null where the text is the one that the portal comes with.
CREATE TABLE mail_text (
    name text PRIMARY KEY,
    version bigint NOT NULL,
    words jsonb,
    changed_at timestamptz NOT NULL
);
CREATE TABLE mail_text_version (
    name text NOT NULL,
    version bigint NOT NULL,
    words jsonb,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    PRIMARY KEY (name, version)
);
