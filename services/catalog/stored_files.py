"""Who refers to a file of the catalogue's store: what none of them names is deleted."""

from services.catalog import project_files, resource_list
from shared.kernel.unwanted_files import InUse

IN_USE: tuple[InUse, ...] = (project_files.in_use, resource_list.files_in_use)
