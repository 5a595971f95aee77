"""The demo: a made-up workspace, made-up people, the sources that post them and the receivers of what is sent."""
