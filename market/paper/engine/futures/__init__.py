"""USDⓈ-M futures: wallets, positions, margin, funding, liquidation, orders and conditional (algo) orders. Pure."""
