"""Search from every page, as a page and for the palette."""
