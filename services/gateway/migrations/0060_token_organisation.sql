-- expand: whose member a token stands for, by the catalogue's id
ALTER TABLE token ADD COLUMN organisation uuid;
