"""The WordPress plugin: its archive and its texts. The plugin itself lies in `leadhub/`."""
