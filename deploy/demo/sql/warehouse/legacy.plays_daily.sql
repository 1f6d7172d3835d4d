-- comment: Plays and minutes by title and day; the board still reads it.
-- partitioned by: day
SELECT title_id, count(*) AS plays, CAST(sum(position_ms) / 60000 AS DECIMAL(18,2)) AS minutes, event_day AS day
FROM lake.events.play_events WHERE event_type = 'play' GROUP BY ALL
