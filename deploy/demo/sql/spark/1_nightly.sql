DROP DATABASE IF EXISTS spark_catalog.nightly CASCADE;
CREATE DATABASE spark_catalog.nightly COMMENT 'What the nightly Spark jobs write.';
CREATE TABLE spark_catalog.nightly.title_minutes (
  title_id INT COMMENT 'As in lake/content/titles.',
  plays BIGINT COMMENT 'Play events of the day, in all countries.',
  minutes DECIMAL(18,2) COMMENT 'Minutes watched.',
  day DATE
) USING PARQUET PARTITIONED BY (day) COMMENT 'Plays and minutes by title and day; one partition a night.';
INSERT OVERWRITE spark_catalog.nightly.title_minutes
  SELECT title_id, plays, CAST(minutes AS DECIMAL(18,2)), CAST(day AS DATE) FROM parquet.`{warehouse}/legacy/plays_daily`;
CREATE TABLE spark_catalog.nightly.crash_rates USING PARQUET COMMENT 'Crashes of the apps by system and version.' AS
  SELECT os_name, os_version, count(*) AS crashes, max(crashed_at) AS last_crashed_at
  FROM parquet.`{warehouse}/raw/app_crashes` GROUP BY os_name, os_version;
CREATE TABLE spark_catalog.nightly.edge_errors USING PARQUET PARTITIONED BY (status) COMMENT 'Requests that edge nodes failed to answer.' AS
  SELECT request_id, url, bytes_sent, requested_at, status FROM parquet.`{warehouse}/raw/cdn_requests` WHERE status >= 500;
CREATE VIEW spark_catalog.nightly.top_titles (title_id COMMENT 'As in lake/content/titles.', minutes) COMMENT 'Titles by minutes, ever.' AS
  SELECT title_id, sum(minutes) AS minutes FROM spark_catalog.nightly.title_minutes GROUP BY title_id;
