"""Search with facets."""

from __future__ import annotations

from dataclasses import asdict

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.api.v1.bodies import search as bodies
from catalog.api.v1.paging import decode_cursor, encode_cursor, flag, limit
from catalog.api.v1.views.base import CURSOR, LIMIT, View, described, paged, problems, query
from catalog.domain.query import parse_query
from catalog.search.base import MAX_OFFSET
from catalog.services import finding


class SearchView(View):
    @described(
        parameters=[
            query("q", str, 'words, "phrases" and filters such as `owner:alice tag:pii -name:tmp_*`'),
            LIMIT,
            CURSOR,
            query("fold", bool, "show a dataset for its backups, copies and dated shards too (default false)"),
            query("facets", bool, "count values of platform, catalog, owner and tag (default true)"),
        ],
        responses={
            200: paged(
                bodies.FoundShape,
                total=serializers.IntegerField(),
                facets=serializers.DictField(child=bodies.FacetShape(many=True)),
                suggestions=bodies.SuggestionShape(many=True),
                stale_reason=serializers.CharField(allow_null=True, help_text="why there may be more than was found"),
            ),
            **problems(),
        },
    )
    def get(self, request: Request) -> Response:
        """Find datasets, best first; each facet is counted without its own filter."""
        asked = limit(request.GET, 20)
        offset = decode_cursor("search", request.GET.get("cursor"), int, most=MAX_OFFSET) or 0
        result = finding.search(
            query=parse_query(request.GET.get("q", "")),
            principal=self.principal,
            limit=asked,
            offset=offset,
            facets=flag(request.GET, "facets", True),
            fold_families=flag(request.GET, "fold"),
        )
        response = Response(
            {
                "items": [
                    {
                        **asdict(found.summary),
                        "score": found.score,
                        "reasons": found.why.reasons,
                        "folded": found.folded,
                    }
                    for found in result.items
                ],
                "next": encode_cursor("search", result.next_offset) if result.next_offset is not None else None,
                "total": result.total,
                "facets": {
                    name: [{"value": value, "count": count} for value, count in values]
                    for name, values in result.facets.items()
                },
                "stale_reason": result.stale_reason,
                "suggestions": [asdict(suggestion) for suggestion in result.suggestions],
            }
        )
        if result.stale_reason:
            response["Cairn-Stale"] = "search index unavailable"
        return response
