-- comment: Share of devices without a crash, by operating system.
SELECT device.os.name AS os_name, count(DISTINCT device.device_id) AS devices,
  1 - count(DISTINCT device.device_id) FILTER (position_ms % 101 = 0) / count(DISTINCT device.device_id) AS crash_free_share
FROM lake.events.play_events GROUP BY ALL
