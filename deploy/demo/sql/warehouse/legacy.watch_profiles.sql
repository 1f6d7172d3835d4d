-- comment: What a profile watches: genres with minutes, and the last titles.
SELECT e.profile_id, list(DISTINCT t.genre) AS genres, list(DISTINCT e.title_id)[1:5] AS last_titles,
  struct_pack(plays := count(*), minutes := CAST(sum(e.position_ms) / 60000 AS DOUBLE)) AS totals
FROM lake.events.play_events e JOIN lake.content.titles t USING (title_id) GROUP BY e.profile_id
