"""Azurite, Microsoft's Blob storage emulator, as the Blob service of the local ground."""

from local.azurite.install import CannotInstall
from local.azurite.running import Azurite

__all__ = ["Azurite", "CannotInstall"]
