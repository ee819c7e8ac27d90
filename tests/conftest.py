"""For all tests."""

from hypothesis import settings

from tests.residue import no_residue

__all__ = ["no_residue"]

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
