"""What happens, counted by whichever process it happens in, and added up when somebody asks (docs/metrics.md).

bounded.py    counters and histograms whose series can't grow without end; counting never raises
values.py     one number of a series: in a file of this process's slot, or without a directory in memory
slots.py      which files are a process's own: it holds a slot as long as it lives, and its successor takes it over
files.py      such a file; in the format of prometheus_client, which reads it
collecting.py adds up the files of all processes
serving.py    tells it on a port

Only this package knows prometheus_client. Why it is built so: docs/decisions/0024-slots-for-metrics.md.
"""

from market.telemetry.bounded import OTHER, Counter, Histogram
from market.telemetry.collecting import process_registry
from market.telemetry.serving import begin_service
from market.telemetry.values import keep_in

__all__ = ["OTHER", "Counter", "Histogram", "begin_service", "keep_in", "process_registry"]
