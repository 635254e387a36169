-- expand: whose a claim is, so that it ends with the process that made it
ALTER TABLE message ADD COLUMN holder integer;
ALTER TABLE mailing ADD COLUMN holder integer;
