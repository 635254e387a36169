-- expand: what a search can be narrowed to by effect, funding and reuse; texts are indexed outside the database
ALTER TABLE search_project
    ADD COLUMN effect_kinds text[] NOT NULL DEFAULT '{}',
    ADD COLUMN effect float8,
    ADD COLUMN funded boolean NOT NULL DEFAULT false,
    ADD COLUMN reuse boolean NOT NULL DEFAULT false,
    ALTER COLUMN folded SET DEFAULT '{}';
UPDATE search_project s SET
    effect_kinds = ARRAY(SELECT DISTINCT e->>'kind' FROM jsonb_array_elements(c.content->'effects') AS e ORDER BY 1),
    effect = (SELECT max((e->>'value')::float8) FROM jsonb_array_elements(c.content->'effects') AS e),
    funded = jsonb_array_length(c.content->'funding') > 0,
    reuse = jsonb_typeof(c.content->'reuse') = 'object' AND c.content->'reuse'->>'possible' IS DISTINCT FROM 'false'
FROM (SELECT id, entry->'project'->'content' AS content FROM project_page) AS c
WHERE c.id = s.id;
