"""The list of leads: filters, sorts, exact totals, pages and walks that cost the same at any size."""
