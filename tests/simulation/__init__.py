"""The order core in a world of its own: ``manage.py simulate --placements 100000 --seed n --json``.

`trades.protocol`, `checks`, `booking`, `lifecycle` and `pnl` run as they are, over books in memory and the paper
exchange's engines, without a wire or a disk. Workers are greenlets in simulated time; all chance comes from one seed.

    scheduler   who goes on when
    dice, fate  how often what goes wrong; workers that wait, freeze, are killed
    exchange    both engines, wandering prices, a ledger of all that the engines ever said
    desk        what an account can do there; reports: what it is told
    gateway     the same with everything that goes wrong on the way, and the laws that the protocol builds on
    rows, books what PostgreSQL would keep, with its constraints
    bots        what workers do: bots, second deliveries, the stream, the sweep
    check       the auditor: shares no code with what books
    plants      mistakes in the order core, to see that they are found
    world       all of it together
"""
