"""Pages of forms for visitors: the hosted form, its fragment for other sites, thanks and errors. Pure rendering."""
