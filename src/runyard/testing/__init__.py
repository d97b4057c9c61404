"""The rules that every backend of a store must pass, as test classes to inherit from."""
