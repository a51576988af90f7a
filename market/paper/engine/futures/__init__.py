"""USDⓈ-M futures: wallets, positions, margin, funding, liquidation, orders and conditional (algo) orders. Pure.

Who holds whom: the ``FuturesEngine`` has one ``Floor``, which all its parts share: rules, books, last quotes and a
``Portfolio`` for each account. A portfolio has the account's ``Wallet`` of each asset, and a ``Stake`` for each symbol:
leverage and margin type, open orders, and a ``Position`` for each side (BOTH, or LONG and SHORT in hedge mode).

pocket: a wallet and the positions that live of it: the cross wallet with all crossed positions of its asset, or an
    isolated position with its own margin. A pocket is liquidated when its balance is not above its maintenance.
share: the part of a pocket's spare margin that one of its positions may lose before the pocket is looked at again;
    of an isolated margin: the part that goes back with what is closed.
residue: profit of a position below 10**-8, which waits until it can be booked.
"""
