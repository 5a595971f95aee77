"""Code that every HTTP service shares: the middleware around a handler, request bodies, responses, serving."""
