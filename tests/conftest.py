"""For all tests."""

import signal

from hypothesis import settings

from tests.residue import no_residue

__all__ = ["no_residue"]

# A shell that starts them in the background has them ignore it, and so all that they start
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
