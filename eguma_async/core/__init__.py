"""The ground: the values and contracts that everything speaks in. It does nothing by itself."""
