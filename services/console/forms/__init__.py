"""Forms: the list, the builder, versions, numbers, and how a form comes onto a site."""
