"""`canopy seed`: a database filled in bulk with made-up companies, people, orders and licenses."""
