"""What a visitor sees: session values, the address, and how codes are written in it."""
