"""What a caller can ask: one function a question or an operation."""
