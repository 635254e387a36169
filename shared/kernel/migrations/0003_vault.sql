-- expand: one key per person, wrapped by the operator's; an erased person keeps a row without a key
CREATE TABLE vault (
    person_id text PRIMARY KEY,
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    CONSTRAINT vault_key_or_erased CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);
