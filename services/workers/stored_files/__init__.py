"""The life of files that visitors sent: they move to S3, and go when their submission is gone."""
