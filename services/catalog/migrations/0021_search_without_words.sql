-- contract: words, letters and names are in every replica's own index
ALTER TABLE search_project
    DROP COLUMN words, DROP COLUMN letters, DROP COLUMN folded, DROP COLUMN groups, DROP COLUMN districts;
DROP TABLE search_name;
