-- comment: Viewing by week and genre, mailed on Mondays.
-- partitioned by: week
SELECT t.genre, count(*) AS plays, count(DISTINCT e.profile_id) AS profiles, strftime(e.event_day, '%G-W%V') AS week
FROM lake.events.play_events e JOIN lake.content.titles t USING (title_id) GROUP BY ALL
