"""Whoever asks the launcher to end is heard, at whatever moment the signal comes."""

import os
import signal
import sys

import pytest

from deploy.local import __main__ as launcher


class Gone:
    """An object that is taken apart, at the moment when a signal comes."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(1000):  # it is handled between two steps
            pass


def test_a_signal_that_comes_while_an_object_is_taken_apart_is_heeded_by_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python drops what is raised there, and says so."""
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: dropped.append(said.exc_type))
    monkeypatch.setattr(launcher, "_asked", [])
    before = signal.signal(signal.SIGUSR1, launcher._on_signal)
    try:
        Gone()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert dropped == [launcher.Stop]
    with pytest.raises(launcher.Stop):
        launcher._until(lambda: False, seconds=5, otherwise="nobody looked")
