"""The set-up of pipelines: their stages in order, with colours and outcomes, made, renamed, moved and removed."""
