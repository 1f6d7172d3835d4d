CREATE DATABASE IF NOT EXISTS ice.ranking COMMENT 'Features that the ranking of titles learns from.';
DROP VIEW IF EXISTS ice.ranking.fresh_titles;
DROP TABLE IF EXISTS ice.ranking.title_features PURGE;
DROP TABLE IF EXISTS ice.ranking.watch_history PURGE;
CREATE TABLE ice.ranking.title_features (
  title_id INT NOT NULL COMMENT 'As in lake/content/titles.',
  genre STRING,
  release_year INT,
  plays BIGINT COMMENT 'Of the last 28 days.',
  embedding ARRAY<FLOAT> COMMENT 'Of the text about the title.'
) USING ICEBERG PARTITIONED BY (bucket(4, title_id)) COMMENT 'One row per title, as the ranking sees it.';
INSERT INTO ice.ranking.title_features
  SELECT title_id, genre, release_year, 0, array(0.1F, 0.2F, 0.3F, 0.4F) FROM parquet.`{warehouse}/legacy/dim_title`;
MERGE INTO ice.ranking.title_features t
  USING (SELECT title_id, sum(plays) AS plays FROM spark_catalog.nightly.title_minutes GROUP BY title_id) n ON t.title_id = n.title_id
  WHEN MATCHED THEN UPDATE SET plays = n.plays;
ALTER TABLE ice.ranking.title_features CREATE TAG `first-training`;
CREATE TABLE ice.ranking.watch_history (
  profile_id BIGINT COMMENT 'As in accounts/main/profiles.',
  title_id INT,
  played_at TIMESTAMP
) USING ICEBERG PARTITIONED BY (days(played_at)) COMMENT 'What each profile played, for training.';
INSERT INTO ice.ranking.watch_history SELECT profile_id, title_id, played_at FROM parquet.`{warehouse}/legacy/fact_play`;
CREATE VIEW ice.ranking.fresh_titles COMMENT 'Titles of the last three years.' AS
  SELECT title_id, genre FROM ice.ranking.title_features WHERE release_year >= 2024;
