"""How promised mail and webhooks leave: written from a row, leased by a worker, handed over."""
