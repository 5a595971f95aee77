"""What all pages of the console share: sessions, access, rendering, navigation, live updates, formatting."""
