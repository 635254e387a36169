-- expand: one index less for what is written a hundred thousand at a time
-- A person's messages, of whom there are few, are found by the key that tells messages apart.
DROP INDEX message_person;
