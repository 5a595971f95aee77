"""The thresholds of "is it well?": what the sweeper's alarms, the page Now and `deploy/alerts.yml` judge by. Pure."""

MAX_WAITING_SECONDS = 10.0  # seconds that the oldest submission may wait
MAX_DISK_USED_RATIO = 0.9  # of the disk of the data dir
MAX_STORE_MS = 100.0  # milliseconds of a round trip to a store
GROWTH_WINDOW_SECONDS = 900.0  # seconds in which new dead submissions count
DEAD_LETTERS_PERCENT = 10  # of a workspace's submissions within an hour, unless it says otherwise
LEAST_DEAD_LETTERS = 5  # fewer within an hour are no alarm of a workspace
WAITING_MINUTES = 15  # that a workspace's oldest automation or delivery may be due, unless it says otherwise
CLEAR_AFTER_SECONDS = 120.0  # seconds for which all must be well before an alarm is cleared
