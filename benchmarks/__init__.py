"""What the stack costs, each figure against a baseline measured beside it."""
