"""Networks and the model that wraps them."""
