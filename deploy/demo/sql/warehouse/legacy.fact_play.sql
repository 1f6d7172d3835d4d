-- comment: One row per play, by year and month.
-- partitioned by: year, month
SELECT play_event_id AS play_key, profile_id, title_id, device.device_id AS device_id, event_time AS played_at,
  year(event_day) AS year, month(event_day) AS month FROM lake.events.play_events WHERE event_type = 'play'
