-- comment: Customers as they were on the day; kept for the auditors.
-- partitioned by: snapshot_day
SELECT customer_id, email AS contact, full_name AS label, country, CAST(joined_at AS TIMESTAMP) AS joined_at, is_active,
  (SELECT max(event_day) FROM lake.events.play_events) AS snapshot_day FROM accounts.main.customers
