"""`python -m benchmarks [NAME…]`: run all measurements, or those named."""

from __future__ import annotations

import sys

from benchmarks import detection, flow, hive, http, lineage, policies, registry, relevance, searching, sync

ALL = {
    "http": http.measure_http,
    "search": http.measure_search,
    "engines": searching.measure_searching,
    "relevance": relevance.measure_relevance,
    "postgresql": sync.measure_postgresql,
    "hive": hive.measure_hive,
    "generated": sync.measure_generated,
    "lineage": lineage.measure_lineage,
    "detectors": detection.measure_detectors,
    "profile": detection.measure_profile,
    "flow": flow.measure_flow,
    "policies": policies.measure_policies,
    "registry": registry.measure_registry,
    "writers": sync.measure_waiting_writer,
}


def main() -> int:
    """Run what is asked for."""
    wanted = sys.argv[1:] or list(ALL)
    unknown = [name for name in wanted if name not in ALL]
    if unknown:
        print(f"there is no measurement {unknown[0]!r}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in wanted:
        ALL[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
