-- expand: reasons per field, files of projects, and when a contact is due to be confirmed
ALTER TABLE project_step ADD COLUMN reasons jsonb NOT NULL DEFAULT '[]';

ALTER TABLE project_page ADD COLUMN confirmed_at timestamptz, ADD COLUMN contact_due_at timestamptz;
CREATE INDEX project_page_contact_due ON project_page (contact_due_at) WHERE contact_due_at IS NOT NULL;

CREATE TABLE project_document (
    project_id uuid NOT NULL,
    document_id uuid NOT NULL,
    file jsonb NOT NULL,
    PRIMARY KEY (project_id, document_id)
);
CREATE INDEX project_document_sha256 ON project_document ((file->>'sha256'));
