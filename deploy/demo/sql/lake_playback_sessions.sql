-- playback.sessions: one row per viewing session.
SELECT profile_id, title_id, CAST(event_time AS DATE) AS day,
       min(event_time) AS first_event_at, max(event_time) AS last_event_at,
       count(*) AS events, any_value(device.kind) AS device_kind, any_value(geo.country_code) AS country_code
FROM lake.events.play_events
GROUP BY profile_id, title_id, CAST(event_time AS DATE)
ORDER BY day, profile_id, title_id
