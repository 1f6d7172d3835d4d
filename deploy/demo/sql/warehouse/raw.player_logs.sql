-- comment: Lines that players log, one file a day, as they came.
-- partitioned by: day
SELECT play_event_id AS request_id, profile_id, event_type AS action, position_ms,
  'device=' || device.kind || ' os=' || device.os.name || '/' || device.os.version AS log_line, geo.network AS client_net, event_day AS day
FROM lake.events.play_events WHERE event_day >= (SELECT max(event_day) - 6 FROM lake.events.play_events)
