"""What a process says about itself while it runs: structured log lines on standard error."""

import logging
import sys

import structlog

from infra.redaction import name_request, redact
from infra.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Log as the settings say.

    Tracebacks show no values of variables: those may be somebody's data or a secret. What looks like a secret is masked
    in all lines, and each says for which request it was written, where it was for one.
    """
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    form: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,  # before anything is masked: tracebacks are texts like others
        redact,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(),
    ]
    stamps: list[structlog.typing.Processor] = [
        name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*stamps, *form],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over_from_libraries(stamps, form)


def _take_over_from_libraries(stamps: list[structlog.typing.Processor], form: list[structlog.typing.Processor]) -> None:
    """Have what libraries log (asyncio, asyncpg, uvicorn), from warnings on, come out in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[strip, *form], foreign_pre_chain=stamps))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
