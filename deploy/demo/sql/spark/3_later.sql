ALTER TABLE spark_catalog.nightly.title_minutes ADD COLUMNS (completion_rate DOUBLE COMMENT 'Plays that went to the end; since the autumn.');
ALTER TABLE spark_catalog.nightly.crash_rates RENAME TO nightly.app_stability;
ALTER TABLE ice.ranking.title_features ADD COLUMNS (is_original BOOLEAN COMMENT 'Made by Northlight.');
ALTER TABLE ice.ranking.title_features CREATE BRANCH experiments;
