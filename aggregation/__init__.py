"""The analytics store: what a metric is, how the tables are filled, how they are read."""

__version__ = "0.1.0"
