"""The loops that decide the speed, written in vectors of four or eight numbers, as compilers do not find them by themselves."""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir

from summable.maths.compiled import intrinsic, numba, types

cgutils = numba.core.cgutils
FEATURES = numba.config.CPU_FEATURES or binding.get_host_cpu_features().flatten()  # of the machine that numba compiles for
LANES = 8 if "+avx512f" in FEATURES else 4  # numbers of a vector
LINE = 64  # bytes of a line of the cache
WORD, PLACE, DOUBLE = ir.IntType(64), ir.IntType(32), ir.DoubleType()
TWO, FOUR, NUMBERS = ir.VectorType(DOUBLE, 2), ir.VectorType(DOUBLE, 4), ir.VectorType(WORD, 4)
MANY = ir.VectorType(DOUBLE, LANES)
EVEN, ODD = (tuple(place + other for place in range(first, LANES, 2) for other in (0, LANES)) for first in (0, 1))  # of two vectors, for a third
CENTRES, FOURS = 4, 2  # that claim rows at once, and of those four times as many: their scores are eight registers, enough to keep its units busy
SIDE = 5 if LANES == 8 else 3  # of a block of products: its sums and what feeds them fill the 32 registers of AVX-512, or most of AVX2's 16
FUSED = "contract", "reassoc"  # a product is added with one rounding where the machine can


def _moved(builder: Any, first: Any, step: Any, times: int = 1) -> Any:
    """A pointer some steps on."""
    return builder.gep(first, [builder.mul(step, WORD(times))])


def _some(builder: Any, first: Any, type_: Any) -> Any:
    """A vector of numbers, of float64 or float32, as float64."""
    held = builder.load(builder.bitcast(first, ir.VectorType(first.type.pointee, type_.count).as_pointer()), align=4)
    return held if held.type == type_ else builder.fpext(held, type_)


def _same(builder: Any, number: Any, times: int = 4) -> Any:
    """A vector of the same number."""
    vector = ir.VectorType(number.type, times)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, PLACE(0))
    return _mixed(builder, one, one, (0,) * times)


def _stored(builder: Any, values: Any, first: Any) -> None:
    builder.store(values, builder.bitcast(first, values.type.as_pointer()), align=8)


def _fetch(builder: Any, first: Any) -> None:
    """Ask for a line of the cache, to be read and kept in the second level; one that is not there does no harm."""
    anything = ir.IntType(8).as_pointer()
    fetch = builder.module.declare_intrinsic("llvm.prefetch", (anything,), ir.FunctionType(ir.VoidType(), [anything, PLACE, PLACE, PLACE]))
    builder.call(fetch, [builder.bitcast(first, anything), PLACE(0), PLACE(2), PLACE(1)])


@intrinsic
def fetch(typingctx: Any, source: Any, count: Any) -> Any:
    """Ask for as many numbers from memory, to be read soon."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, count = arguments
        line = LINE // context.get_abi_sizeof(first.type.pointee)
        with cgutils.for_range_slice(builder, WORD(0), count, WORD(line)) as (start, _):
            _fetch(builder, builder.gep(first, [start]))
        return context.get_dummy_value()

    return types.void(source, types.int64), codegen


def _mixed(builder: Any, one: Any, other: Any, places: tuple[int, ...]) -> Any:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(PLACE, len(places)), places))


@intrinsic
def turn(typingctx: Any, source: Any, stride: Any, m: Any, shifts: Any, target: Any, wide: Any) -> Any:
    """Four numbers of each of m rows, `stride` numbers apart, less four shifts, become four columns, `wide` numbers apart; m a multiple of LANES.

    `source` points to float64 or float32, `shifts` and `target` to float64.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, stride, m, shifts, target, wide = arguments
        less = [_joined(builder, [_some(builder, builder.gep(shifts, [WORD(pair)]), TWO)] * (LANES // 2)) for pair in (0, 2)]
        columns = [_moved(builder, target, wide, place) for place in range(4)]
        with cgutils.for_range_slice(builder, WORD(0), m, WORD(LANES)) as (start, _):
            rows = [builder.gep(source, [builder.mul(stride, builder.add(start, WORD(row)))]) for row in range(LANES)]
            for pair, by in zip((0, 2), less, strict=True):
                pairs = [_some(builder, builder.gep(first, [WORD(pair)]), TWO) for first in rows]
                above, below = (builder.fsub(_joined(builder, pairs[first::2]), by) for first in (0, 1))
                for place, places in enumerate((EVEN, ODD)):
                    _stored(builder, _mixed(builder, above, below, places), builder.gep(columns[pair + place], [start]))
        return context.get_dummy_value()

    return types.void(source, types.int64, types.int64, shifts, target, types.int64), codegen


@intrinsic
def claim(typingctx: Any, tile: Any, wide: Any, p: Any, m: Any, away: Any, near: Any, first: Any, held: Any, chosen: Any, soon: Any) -> Any:
    """CENTRES centres, the first of that number, have those of m rows whose score is less than the held one by more than `near`: held and chosen (m,).

    A score is a row's product with coefficients, and a constant before them: away (CENTRES, 1 + p). Columns of the rows lie `wide` numbers apart.
    Rows are taken by eights: the first m, and up to seven more. Meanwhile as many numbers from `soon` on are fetched as the rows have.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tile, wide, p, m, away, near, first, held, chosen, soon = arguments
        centres = [_moved(builder, away, builder.add(p, WORD(1)), c) for c in range(CENTRES)]
        scores = [[cgutils.alloca_once(builder, FOUR) for _ in range(FOURS)] for _ in centres]
        with cgutils.for_range_slice(builder, WORD(0), m, WORD(4 * FOURS)) as (start, _):
            halves = [builder.add(start, WORD(4 * half)) for half in range(FOURS)]
            for centre, pair in zip(centres, scores, strict=True):
                for score in pair:
                    builder.store(_same(builder, builder.load(centre)), score)
            ahead = _moved(builder, soon, builder.mul(start, p))
            with cgutils.for_range(builder, p) as loop:
                _fetch(builder, builder.gep(ahead, [builder.mul(loop.index, WORD(8))]))
                column = _moved(builder, tile, builder.mul(wide, loop.index))
                rows = [_some(builder, builder.gep(column, [half]), FOUR) for half in halves]
                for centre, pair in zip(centres, scores, strict=True):
                    coef = _same(builder, builder.load(builder.gep(centre, [builder.add(loop.index, WORD(1))])))
                    for score, values in zip(pair, rows, strict=True):
                        builder.store(builder.fadd(builder.load(score), builder.fmul(coef, values, flags=FUSED), flags=FUSED), score)
            for half, place in enumerate(halves):
                least, number = _some(builder, builder.gep(held, [place]), FOUR), builder.bitcast(builder.gep(chosen, [place]), NUMBERS.as_pointer())
                owner = builder.load(number, align=8)
                for c, pair in enumerate(scores):
                    score = builder.load(pair[half])
                    nearer = builder.fcmp_ordered("<", score, builder.fsub(least, _same(builder, near)))
                    least = builder.select(nearer, score, least)
                    owner = builder.select(nearer, _same(builder, builder.add(first, WORD(c))), owner)
                _stored(builder, least, builder.gep(held, [place]))
                builder.store(owner, number, align=8)
        return context.get_dummy_value()

    return types.void(tile, types.int64, types.int64, types.int64, away, types.float64, types.int64, held, chosen, soon), codegen


def _each(builder: Any, p: Any, meet: Any) -> None:
    """Call with every place of `p` columns where LANES of them begin; the last ones, if they are fewer, with those before them, as is told."""
    with cgutils.for_range_slice(builder, WORD(0), builder.and_(p, WORD(-LANES)), WORD(LANES)) as (start, _):
        meet(start, False)
    with builder.if_then(builder.icmp_signed("!=", builder.and_(p, WORD(LANES - 1)), WORD(0))):
        meet(builder.sub(p, WORD(LANES)), True)


def _new(builder: Any, p: Any) -> Any:
    """Which of the last LANES of `p` columns no whole vector has held."""
    lanes = ir.Constant(ir.VectorType(WORD, LANES), list(range(LANES)))
    return builder.icmp_signed(">=", lanes, _same(builder, builder.sub(WORD(LANES), builder.and_(p, WORD(LANES - 1))), LANES))


@intrinsic
def predicted(typingctx: Any, source: Any, stride: Any, shifts: Any, coef: Any, last: Any, p: Any, eta: Any, soon: Any) -> Any:
    """eta (LANES,) gains LANES rows, `stride` numbers apart, less their shifts, times p coefficients, LANES or more; half as many rows from `soon` on
    are fetched meanwhile.

    `last` has LANES coefficients: those that would not fill a vector, after zeros.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, stride, shifts, coef, last, p, eta, soon = arguments
        nothing = ir.Constant(MANY, [0.0] * LANES)
        rows, ahead = ([_moved(builder, first, stride, row) for row in range(many)] for first, many in ((source, LANES), (soon, LANES // 2)))
        sums = [cgutils.alloca_once_value(builder, nothing) for _ in rows]

        def meet(start: Any, few: bool) -> None:
            for row in ahead:
                _fetch(builder, builder.gep(row, [start]))
            less = _some(builder, builder.gep(shifts, [start]), MANY)
            by, new = _some(builder, last if few else builder.gep(coef, [start]), MANY), _new(builder, p) if few else None
            for first, held in zip(rows, sums, strict=True):
                values = _some(builder, builder.gep(first, [start]), MANY)
                values = builder.select(new, values, less) if few else values  # or an infinity would be met again, times zero
                product = builder.fmul(builder.fsub(values, less), by, flags=FUSED)
                builder.store(builder.fadd(builder.load(held), product, flags=FUSED), held)

        _each(builder, p, meet)
        _stored(builder, builder.fadd(_some(builder, eta, MANY), _added(builder, [builder.load(held) for held in sums])), eta)
        return context.get_dummy_value()

    return types.void(source, types.int64, shifts, coef, last, types.int64, eta, soon), codegen


@intrinsic
def dotted(typingctx: Any, source: Any, stride: Any, shifts: Any, by: Any, p: Any, to: Any, last: Any, soon: Any) -> Any:
    """to (p,) gains p columns of LANES rows, `stride` numbers apart, less their shifts, times by (LANES,); half as many rows from `soon` on are
    fetched meanwhile.

    Columns that would not fill a vector, and those before them, are gained by last (LANES,) instead.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, stride, shifts, by, p, to, last, soon = arguments
        rows, ahead = ([_moved(builder, first, stride, row) for row in range(many)] for first, many in ((source, LANES), (soon, LANES // 2)))
        weights = [_same(builder, builder.load(builder.gep(by, [WORD(row)])), LANES) for row in range(LANES)]

        def meet(start: Any, few: bool) -> None:
            for row in ahead:
                _fetch(builder, builder.gep(row, [start]))
            less, place = _some(builder, builder.gep(shifts, [start]), MANY), last if few else builder.gep(to, [start])
            total = _some(builder, place, MANY)
            for first, weight in zip(rows, weights, strict=True):
                product = builder.fmul(builder.fsub(_some(builder, builder.gep(first, [start]), MANY), less), weight, flags=FUSED)
                total = builder.fadd(total, product, flags=FUSED)
            _stored(builder, total, place)

        _each(builder, p, meet)
        return context.get_dummy_value()

    return types.void(source, types.int64, shifts, by, types.int64, to, last, soon), codegen


def _multiplied(builder: Any, lefts: list[Any], rights: list[Any], m: Any, rows: list[Any], triangular: bool, soon: Any, later: Any) -> None:
    """Each of the rows of sums gains the inner products of a left column with the right ones: with all, or with no later than its own."""
    nothing = ir.Constant(MANY, [0.0] * LANES)
    sums = [[cgutils.alloca_once_value(builder, nothing) for _ in (rights[: place + 1] if triangular else rights)] for place in range(len(lefts))]
    with cgutils.for_range_slice(builder, WORD(0), m, WORD(LANES)) as (start, _):
        for ahead in (soon, later):
            _fetch(builder, builder.gep(ahead, [start]))
        beside = [_some(builder, builder.gep(first, [start]), MANY) for first in rights]
        for first, row in zip(lefts, sums, strict=True):
            above = _some(builder, builder.gep(first, [start]), MANY)
            for values, held in zip(beside, row, strict=False):
                product = builder.fmul(above, values, flags=FUSED)
                builder.store(builder.fadd(builder.load(held), product, flags=FUSED), held)
    for first, row in zip(rows, sums, strict=True):
        gained = builder.fadd(_some(builder, first, MANY), _added(builder, [builder.load(held) for held in row]))
        _stored(builder, gained, first)


def _products(triangular: bool) -> Any:
    """The intrinsic that multiplies up to SIDE columns with SIDE, or with those up to their own places."""

    def multiply(typingctx: Any, left: Any, tall: Any, right: Any, wide: Any, m: Any, out: Any, apart: Any, soon: Any, later: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            left, tall, right, wide, m, out, apart, soon, later = arguments
            for many in range(1, SIDE + 1):
                with builder.if_then(builder.icmp_signed("==", tall, WORD(many))):
                    lefts, rows = ([_moved(builder, first, step, place) for place in range(many)] for first, step in ((left, wide), (out, apart)))
                    rights = [_moved(builder, right, wide, place) for place in range(many if triangular else SIDE)]
                    _multiplied(builder, lefts, rights, m, rows, triangular, soon, later)
            return context.get_dummy_value()

        return types.void(left, types.int64, right, types.int64, types.int64, out, types.int64, soon, later), codegen

    return intrinsic(multiply)


block, corner = _products(triangular=False), _products(triangular=True)
"""out (tall, SIDE), rows `apart` numbers apart, gains the inner products of `tall` columns, SIDE or fewer, with SIDE others; or its lower triangle
(tall, tall) those of one another. What lies in its rows after them, LANES numbers in all, gains zeros.

Columns lie `wide` numbers apart. Their numbers are taken by LANES: the first m, and fewer than LANES more. Meanwhile as many numbers from `soon`
and from `later` on are fetched from memory, which would else stand idle.
"""


def _added(builder: Any, vectors: list[Any]) -> Any:
    """A vector of the sums of each of up to LANES vectors, and zeros after them."""
    nothing, group = ir.Constant(MANY, [0.0] * LANES), LANES
    while group > 1:
        vectors, group = vectors + [nothing] * (len(vectors) % 2), group // 2
        low, high = (tuple(first + place for first in range(side, 2 * LANES, 2 * group) for place in range(group)) for side in (0, group))
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [builder.fadd(_mixed(builder, *pair, low), _mixed(builder, *pair, high)) for pair in pairs]
    return vectors[0]


def _joined(builder: Any, vectors: list[Any]) -> Any:
    """Vectors of the same length, two or four of them, one after another."""
    if len(vectors) == 1:
        return vectors[0]
    low, high = (_joined(builder, half) for half in (vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :]))
    return _mixed(builder, low, high, tuple(range(2 * low.type.count)))
