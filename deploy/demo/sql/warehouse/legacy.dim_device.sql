-- comment: Devices for the old cubes.
SELECT device_id, profile_id, kind AS device_kind FROM accounts.main.devices
