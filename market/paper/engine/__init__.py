"""The rules of the exchange: accounts, filters, orders, fills. Pure: no I/O, and time arrives as an argument."""
