-- expand: lists of sessions: by dates along an index
CREATE INDEX session_view_latest ON session_view (
    (coalesce(-extract(epoch FROM begins AT TIME ZONE 'UTC')::bigint, 9000000000000)), session_id);
CREATE INDEX session_view_over ON session_view (over);
CREATE INDEX session_view_stage ON session_view (stage);
