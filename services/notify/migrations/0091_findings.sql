-- expand: findings are written faster
-- All of a thing, and of a mailing, stand together in these indexes and in the key: thousands of rows of one mailing are
-- written into few pages, wherever in the order of people they belong. What somebody was told is looked up in the key.
CREATE INDEX finding_of_thing ON finding (thing_id);
DROP INDEX finding_thing;
CREATE INDEX finding_digest ON finding (person_id, digest_day) WHERE digest_day IS NOT NULL;
DROP INDEX finding_person;
