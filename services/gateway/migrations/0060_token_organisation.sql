-- expand: whose member a token stands for, by official key (AGS) or the catalogue's id
ALTER TABLE token ADD COLUMN organisation text
    CHECK (organisation ~ '^(\d{5}(\d{3})?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$');
