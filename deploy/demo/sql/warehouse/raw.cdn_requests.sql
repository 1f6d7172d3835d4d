-- comment: Requests for video segments, by edge node.
-- partitioned by: day
SELECT play_event_id AS request_id, 'https://edge-' || title_id % 7 || '.cdn.example/' || title_id || '/seg' || position_ms // 6000 || '.m4s' AS url,
  CASE WHEN position_ms % 97 = 0 THEN 503 ELSE 200 END AS status, position_ms % 2000000 AS bytes_sent, event_time AS requested_at, event_day AS day
FROM lake.events.play_events WHERE event_day >= (SELECT max(event_day) - 6 FROM lake.events.play_events)
