"""What the writer of this process tells Prometheus."""

from infra.measures import SIZES, Count, Spread

APPENDED = Count("annals_log_appended_events", "Facts appended by this process.")
BATCH_COMMANDS = Spread("annals_log_batch_commands", "Commands in a batch, each batch one transaction.", bounds=SIZES)
BATCH_SECONDS = Spread("annals_log_batch_seconds", "Seconds from sending a batch to the database to its answer.")
UNREACHED = Count("annals_log_unreached", "Attempts to append that did not reach the log, or not in time.")
