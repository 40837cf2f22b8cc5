"""Azurite, Microsoft's Blob storage emulator, as the Blob service of the local ground."""

from emulators.azurite.install import CannotInstall
from emulators.azurite.running import Azurite

__all__ = ["Azurite", "CannotInstall"]
