-- expand: which version of its project a row of an import was compared with; of a row from before, none is known
ALTER TABLE import_row ADD COLUMN version bigint;
