"""Acts and remembers: positions, orders, fills, trades."""
