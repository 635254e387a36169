-- expand: the words of sessions, so that a search reads few texts
-- Every word a session ever had. Parts of words are looked for in it.
CREATE TABLE session_word (
    word text PRIMARY KEY
);

-- The words of each session as they are.
CREATE TABLE session_words (
    session_id text PRIMARY KEY,
    version bigint NOT NULL,
    words tsvector NOT NULL
);

-- The version whose words are kept. Where it is behind, other code wrote the text: that text is searched itself.
ALTER TABLE session_page ADD COLUMN listed bigint;

UPDATE session_page SET words = regexp_replace(btrim(words), '\s+', ' ', 'g') WHERE words ~ '\s\s|[^\S ]|^\s|\s$';
INSERT INTO session_words (session_id, version, words)
SELECT session_id, version, array_to_tsvector(array_remove(string_to_array(words, ' '), ''))
FROM session_page
WHERE words !~ '\S{200}';
INSERT INTO session_word (word) SELECT DISTINCT unnest(tsvector_to_array(words)) FROM session_words;
UPDATE session_page p SET listed = p.version FROM session_words w WHERE w.session_id = p.session_id;

CREATE INDEX session_words_words ON session_words USING gin (words) WITH (gin_pending_list_limit = 128);
CREATE INDEX session_page_unlisted ON session_page (session_id) WHERE listed IS DISTINCT FROM version;
