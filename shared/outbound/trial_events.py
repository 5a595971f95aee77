"""The events of messages on trial, which an admin sends to see whether they arrive. Pure.

Each is tried once: whoever waits for the answer tries again by hand.
"""

MAIL_TRIAL_EVENT = "mail.trial"
ALARM_TRIAL_EVENT = "alarm.trial"
TRIAL_EVENTS = (MAIL_TRIAL_EVENT, ALARM_TRIAL_EVENT)
