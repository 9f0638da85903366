"""Where bytes leave the process: `aiohttp` and `lean` over the network, `memory` to a function."""
