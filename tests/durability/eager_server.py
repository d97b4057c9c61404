"""`runyard` with a metric store that folds a run after a few batches, and without rest."""

import sys

from runyard.cli import main
from runyard.stores.metrics import upkeep

upkeep.FOLD_AT_BATCHES = 4
upkeep.TICK_S = 0.02
upkeep.REST_PER_WORK = 0.0

sys.exit(main())
