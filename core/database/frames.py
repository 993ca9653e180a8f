"""Rows to pandas: columns straight from SQLAlchemy Core, never through ORM objects."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from sqlalchemy import Select
from sqlalchemy.orm import Session


def frame(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    parameters: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the statement's rows as a data frame, one column per selected column, by its name."""
    result = session.execute(statement, parameters)
    return pd.DataFrame(result.all(), columns=pd.Index(result.keys()))
