"""Records X-Ray subsegments with aws-xray-sdk. Only this module imports the SDK, which loads as slowly as boto3.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")
_DAEMON: Final = "127.0.0.1:2000"


class XRay:
    """Sends each subsegment by UDP to the daemon at AWS_XRAY_DAEMON_ADDRESS. A missing daemon is no error."""

    def __init__(self) -> None:
        # The SDK logs a warning for each incomplete header and a traceback for each datagram that it cannot send.
        logging.getLogger("aws_xray_sdk").setLevel(logging.CRITICAL)
        from aws_xray_sdk.core import xray_recorder
        from aws_xray_sdk.core.models.facade_segment import FacadeSegment
        from aws_xray_sdk.core.models.subsegment import Subsegment

        self._emitter: Any = xray_recorder.emitter
        self._emitter.set_daemon_address(_DAEMON)  # AWS_XRAY_DAEMON_ADDRESS overrides it
        self._facade, self._subsegment = FacadeSegment, Subsegment

    @contextmanager
    def span(self, name: str, trace: str | None, **notes: int) -> Iterator[None]:
        header = dict(part.strip().partition("=")[::2] for part in (trace or "").split(";"))
        root, parent = header.get("Root", ""), header.get("Parent", "")
        if header.get("Sampled") != "1" or not (_ROOT.fullmatch(root) and _PARENT.fullmatch(parent)):
            yield
            return
        subsegment = self._subsegment(name, "local", self._facade("facade", parent, root, True))
        subsegment.parent_id = parent
        for note, value in notes.items():
            subsegment.put_annotation(note, value)
        try:
            yield
        except BaseException:
            subsegment.add_fault_flag()
            raise
        finally:
            subsegment.close()
            self._emitter.send_entity(subsegment)
