"""Every read model there is. A new one adds its line here, and its tables are made and filled at the next start."""

from projections.element_instances.projector import READ_MODEL as ELEMENT_INSTANCES
from projections.elements.projector import READ_MODEL as ELEMENTS
from projections.incidents.projector import READ_MODEL as INCIDENTS
from projections.jobs.projector import READ_MODEL as JOBS
from projections.process_instances.projector import READ_MODEL as PROCESS_INSTANCES
from projections.processes.projector import READ_MODEL as PROCESSES
from projections.read_model import ReadModel
from projections.tasks.projector import READ_MODEL as TASKS
from projections.variables.projector import READ_MODEL as VARIABLES

READ_MODELS: tuple[ReadModel, ...] = (
    PROCESSES,
    ELEMENTS,
    PROCESS_INSTANCES,
    ELEMENT_INSTANCES,
    JOBS,
    TASKS,
    INCIDENTS,
    VARIABLES,
)
