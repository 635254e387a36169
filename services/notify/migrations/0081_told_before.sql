-- expand: messages that were done with before this database was restored to an older state, as the stream tells
CREATE TABLE told_before (
    message_id uuid PRIMARY KEY
);
