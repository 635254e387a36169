-- expand: whom a mailing about one registration concerns: who withdraws and comes again has several of them
ALTER TABLE mailing ADD COLUMN person_id text;
