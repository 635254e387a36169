-- expand: since when nothing refers to a file
CREATE TABLE unwanted_file (
    sha256 text PRIMARY KEY,
    since timestamptz NOT NULL
);
