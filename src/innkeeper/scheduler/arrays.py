"""The arrays that filters and weighers exchange; n is the number of host positions."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
"""bool[n]: which hosts are meant."""

Scores: TypeAlias = npt.NDArray[np.float64]
"""float64[n]: the higher the better; what it says of a host outside the mask means nothing."""

Amounts: TypeAlias = npt.NDArray[np.int64]
"""int64, of any shape: amounts in the unit of a resource class."""

Columns: TypeAlias = npt.NDArray[np.intp]
"""intp: positions of hosts, or columns of devices."""

Codes: TypeAlias = npt.NDArray[np.int32]
"""int32: numbers that stand for names; -1 for none."""
