-- expand: links to sign in that wait to be sent; the token is sealed, and gone when it is no longer valid
CREATE TABLE sign_in (
    request_id uuid PRIMARY KEY,
    person_id text NOT NULL,
    sealed text NOT NULL,
    valid_until timestamptz NOT NULL
);
CREATE INDEX sign_in_person ON sign_in (person_id);
CREATE INDEX sign_in_valid ON sign_in (valid_until);
