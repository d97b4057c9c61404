"""Running a person's script with all that tells later how its results came about."""
