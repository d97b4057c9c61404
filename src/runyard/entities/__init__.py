"""The words of the domain as frozen values, without any input or output."""
