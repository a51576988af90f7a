"""The fault menu: how the exchange misbehaves on command. What is active is kept in memory only; a restart ends it all.

``menu`` lists the faults, ``steps`` reads what was asked for, ``board`` lets it happen.
"""
