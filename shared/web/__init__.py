"""What every HTTP service shares: the pipeline around a handler, reading bodies, answering, serving."""
