-- expand: whose address a token stands for, as people are found by it
ALTER TABLE token ADD COLUMN lookup bytea CHECK (octet_length(lookup) = 32);
CREATE INDEX token_lookup ON token (lookup) WHERE lookup IS NOT NULL;
