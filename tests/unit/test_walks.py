"""Walks over a graph in memory: depth, cap, circles, and what may not be known."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.domain.walks import Direction, Node, Pair, Walk, walk


def node(number: int) -> Node:
    return Node(uuid.UUID(int=number))


def walked(
    pairs: Sequence[tuple[int, int]],
    start: int,
    direction: Direction = Direction.DOWNSTREAM,
    *,
    depth: int = 10,
    cap: int = 100,
    hidden: Collection[int] = (),
    opened: Collection[int] = (),
) -> Walk:
    linked = {(node(up), node(down)) for up, down in pairs}

    def neighbours(asked: Sequence[Node], way: Direction) -> list[Pair]:
        wanted = set(asked)
        return [pair for pair in linked if pair[0 if way is Direction.DOWNSTREAM else 1] in wanted]

    secret = {node(number) for number in hidden}
    return walk(
        node(start),
        direction,
        neighbours=neighbours,
        known=lambda found: set(found) - secret,
        depth=depth,
        cap=cap,
        opened={node(number).dataset for number in opened},
    )


def distances(found: Walk) -> dict[int, int]:
    return {one.dataset.int: hop for one, hop in found.nodes}


def links(found: Walk) -> set[tuple[int, int]]:
    return {(one.upstream.dataset.int, one.downstream.dataset.int) for one in found.links}


def test_a_diamond_is_walked_once():
    found = walked([(1, 2), (1, 3), (2, 4), (3, 4)], 1)
    assert distances(found) == {1: 0, 2: 1, 3: 1, 4: 2}
    assert links(found) == {(1, 2), (1, 3), (2, 4), (3, 4)}
    assert not found.truncated
    assert found.frontier == ()


def test_upstream_is_the_other_way_and_links_still_point_with_the_data():
    found = walked([(1, 2), (2, 3)], 3, Direction.UPSTREAM)
    assert distances(found) == {3: 0, 2: 1, 1: 2}
    assert links(found) == {(1, 2), (2, 3)}


def test_circles_end():
    found = walked([(1, 2), (2, 3), (3, 1), (2, 2)], 1, depth=50)
    assert distances(found) == {1: 0, 2: 1, 3: 2}
    assert links(found) == {(1, 2), (2, 3), (3, 1), (2, 2)}


def test_depth_leaves_a_frontier():
    found = walked([(1, 2), (2, 3), (3, 4)], 1, depth=2)
    assert distances(found) == {1: 0, 2: 1, 3: 2}
    assert [one.dataset.int for one in found.frontier] == [3]
    assert not found.truncated


def test_from_opened_ones_it_goes_on_one_step_whatever_the_depth():
    pairs = [(1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (6, 7)]
    found = walked(pairs, 1, depth=1, opened=[2, 4])
    assert distances(found) == {1: 0, 2: 1, 3: 1, 4: 2, 6: 3}
    assert {one.dataset.int for one in found.frontier} == {3, 6}
    # What is opened and not reached opens nothing; what lies within the depth is gone on from anyway.
    assert distances(walked(pairs, 1, depth=1, opened=[4, 6])) == {1: 0, 2: 1, 3: 1}
    assert walked(pairs, 1, depth=2, opened=[1, 2]) == walked(pairs, 1, depth=2)
    assert walked(pairs, 1, depth=1, opened=[2, 3, 4, 6, 7]).frontier == ()


def test_a_cap_takes_the_nearest_and_among_them_the_first_and_says_so():
    found = walked([(1, number) for number in range(2, 12)], 1, cap=4)
    assert sorted(distances(found)) == [1, 2, 3, 4]
    assert found.truncated
    assert [one.dataset.int for one in found.frontier] == [1]


def test_what_fits_the_cap_is_whole():
    found = walked([(1, 2), (1, 3)], 1, cap=3)
    assert (sorted(distances(found)), found.truncated, found.frontier) == ([1, 2, 3], False, ())


def test_what_may_not_be_known_is_crossed_as_one_step_and_not_named():
    found = walked([(1, 2), (2, 3), (3, 4), (1, 5)], 1, hidden=[2, 3])
    assert distances(found) == {1: 0, 4: 1, 5: 1}
    (crossing,) = [one for one in found.links if one.is_restricted]
    assert (crossing.upstream.dataset.int, crossing.downstream.dataset.int) == (1, 4)
    assert not [one for one in found.links if one.is_restricted and one is not crossing]


def test_a_circle_of_hidden_ones_ends():
    found = walked([(1, 2), (2, 3), (3, 2), (3, 4)], 1, hidden=[2, 3])
    assert distances(found) == {1: 0, 4: 1}


graphs = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(graphs, st.frozensets(st.integers(2, 9), max_size=4))
def test_across_hidden_nodes_exactly_what_can_be_reached_is_reached(pairs, hidden):
    found = walked(pairs, 1, hidden=hidden, depth=20)
    reached, waiting = {1}, [1]
    while waiting:
        at = waiting.pop()
        for upstream, downstream in pairs:
            if upstream == at and downstream not in reached:
                reached.add(downstream)
                waiting.append(downstream)
    assert set(distances(found)) == reached - hidden
    assert not {one for pair in links(found) for one in pair} & hidden
    for upstream, downstream in pairs:
        if {upstream, downstream} <= reached - hidden:
            assert (upstream, downstream) in links(found)
