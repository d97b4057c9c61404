"""A script that somebody ends."""

import time

time.sleep(600)
