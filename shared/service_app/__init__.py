"""The web application of every HTTP service: who calls, what they may do, and what is logged and audited."""
