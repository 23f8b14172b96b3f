"""How a promised mail leaves: written from its row, leased by a worker, handed to a server."""
