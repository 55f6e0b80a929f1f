"""What intake's tests share."""

from __future__ import annotations

import pytest

from tests.unit.intake.fakes import FakeAws
from tests.unit.intake.service import Service


@pytest.fixture
def service() -> Service:
    """A service whose Push has not begun."""
    return Service(FakeAws())
