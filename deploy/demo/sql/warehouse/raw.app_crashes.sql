-- comment: Crash reports of apps; the stack is cut after 200 characters.
-- partitioned by: day
SELECT play_event_id AS report_id, device.device_id AS device_id, device.os.name AS os_name, device.os.version AS os_version,
  'SIGSEGV in decoder at frame ' || position_ms % 4096 AS stack, event_time AS crashed_at, event_day AS day
FROM lake.events.play_events WHERE position_ms % 101 = 0
