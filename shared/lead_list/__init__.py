"""The list of leads: filters, sorting, exact totals, and pages by number or by cursor at a cost that does not grow."""
