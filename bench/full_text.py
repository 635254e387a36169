"""PostgreSQL's own full text over the same projects: the best twenty by rank and a count of every facet's values.

It knows neither parts of compounds nor slips, names of topics and places stand in no text, and nothing is marked.
"""

from shared.kernel.postgres import Pool

FILL = """
CREATE TABLE full_text AS
SELECT id, topics, legal_form, stage, participants, effect_kinds, best_practice, funded, reuse,
       setweight(to_tsvector('german', plain[1]), 'A') || setweight(to_tsvector('german', plain[2]), 'B')
           || setweight(to_tsvector('german', plain[3]), 'C') AS words
FROM search_project
"""
INDEX = "CREATE INDEX ON full_text USING gin (words)"
ANALYZE = "ANALYZE full_text"
ASK = """
WITH hits AS MATERIALIZED (
    SELECT f.*, asked.query FROM full_text f, websearch_to_tsquery('german', $1) AS asked(query)
    WHERE f.words @@ asked.query
)
(SELECT 'hit' AS what, id::text AS value, 0 AS count FROM hits ORDER BY ts_rank(words, query) DESC LIMIT 20)
UNION ALL (SELECT 'topic', value, count(*) FROM hits, unnest(topics) AS value GROUP BY value)
UNION ALL (SELECT 'organisation', value, count(*) FROM hits, unnest(participants) AS value GROUP BY value)
UNION ALL (SELECT 'district', left(value, 5), count(DISTINCT id) FROM hits, unnest(participants) AS value
           WHERE length(value) = 8 GROUP BY 2)
UNION ALL (SELECT 'effect_kind', value, count(*) FROM hits, unnest(effect_kinds) AS value GROUP BY value)
UNION ALL (SELECT 'legal_form', legal_form, count(*) FROM hits GROUP BY legal_form)
UNION ALL (SELECT 'stage', stage, count(*) FROM hits GROUP BY stage)
UNION ALL (SELECT 'best_practice', 'true', count(*) FROM hits WHERE best_practice)
UNION ALL (SELECT 'funded', 'true', count(*) FROM hits WHERE funded)
UNION ALL (SELECT 'reuse', 'true', count(*) FROM hits WHERE reuse)
"""


async def fill(pool: Pool) -> None:
    """Makes its table."""
    for statement in (FILL, INDEX, ANALYZE):
        await pool.execute(statement, timeout=3600)


async def ask(pool: Pool, q: str) -> None:
    """One question."""
    await pool.fetch(ASK, q)
