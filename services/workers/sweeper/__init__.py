"""The sweeper: its duties, and the work that it does where no worker does it."""
