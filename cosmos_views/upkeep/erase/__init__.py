"""Erase: forget one owner everywhere, for ever."""
