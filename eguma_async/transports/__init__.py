"""Where bytes leave the process: `aiohttp` over the network, `memory` to a function."""
