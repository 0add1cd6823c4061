"""What was measured of a gallery."""

from uuid import UUID

from django.db.models import QuerySet

from tenants.errors import NotFound
from tenants.models import Calibration, Evaluation, Gallery


def list_calibrations(gallery: Gallery) -> QuerySet[Calibration]:
    """The gallery's calibrations."""
    return Calibration.objects.filter(gallery=gallery)


def get_calibration(gallery: Gallery, calibration_id: UUID) -> Calibration:
    """A calibration of the gallery. Raises `NotFound`."""
    calibration = list_calibrations(gallery).filter(pk=calibration_id).first()
    if calibration is None:
        raise NotFound("No such calibration of this gallery.", code="calibration_not_found")
    return calibration


def list_evaluations(gallery: Gallery) -> QuerySet[Evaluation]:
    """The gallery's evaluations."""
    return Evaluation.objects.filter(gallery=gallery)


def get_evaluation(gallery: Gallery, evaluation_id: UUID) -> Evaluation:
    """An evaluation of the gallery. Raises `NotFound`."""
    evaluation = list_evaluations(gallery).filter(pk=evaluation_id).first()
    if evaluation is None:
        raise NotFound("No such evaluation of this gallery.", code="evaluation_not_found")
    return evaluation
