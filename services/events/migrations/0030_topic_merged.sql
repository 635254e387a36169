-- expand: where the codes of topics lead that the catalogue has merged
CREATE TABLE topic_merged (
    topic text PRIMARY KEY,
    into_topic text NOT NULL
);
CREATE INDEX topic_merged_into ON topic_merged (into_topic);
