"""The loops that decide the speed, written in vectors of four numbers, as compilers do not find them by themselves."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from summable.maths.compiled import intrinsic, numba, types

cgutils = numba.core.cgutils
WORD, PLACE, DOUBLE = ir.IntType(64), ir.IntType(32), ir.DoubleType()
FOUR, TWO, NUMBERS = ir.VectorType(DOUBLE, 4), ir.VectorType(DOUBLE, 2), ir.VectorType(WORD, 4)
BOTH, EVEN, ODD = (0, 1, 2, 3), (0, 4, 2, 6), (1, 5, 3, 7)  # of two vectors, the places that a third takes
CENTRES, FOURS = 4, 2  # that claim rows at once, and of those four times as many: their scores are eight registers, enough to keep its units busy
TALL, BROAD = 4, 3  # of a block of products: its 12 sums and what they are fed from are the 16 registers of AVX2
FUSED = "contract", "reassoc"  # a product is added with one rounding where the machine can


def _moved(builder: Any, first: Any, step: Any, times: int = 1) -> Any:
    """A pointer some steps on."""
    return builder.gep(first, [builder.mul(step, WORD(times))])


def _some(builder: Any, first: Any, type_: Any) -> Any:
    """Two or four numbers, of float64 or float32, as float64."""
    held = builder.load(builder.bitcast(first, ir.VectorType(first.type.pointee, type_.count).as_pointer()), align=4)
    return held if held.type == type_ else builder.fpext(held, type_)


def _same(builder: Any, number: Any) -> Any:
    """Four times the same."""
    four = ir.VectorType(number.type, 4)
    one = builder.insert_element(ir.Constant(four, ir.Undefined), number, PLACE(0))
    return _mixed(builder, one, one, (0, 0, 0, 0))


def _stored(builder: Any, values: Any, first: Any) -> None:
    builder.store(values, builder.bitcast(first, values.type.as_pointer()), align=8)


def _fetch(builder: Any, first: Any) -> None:
    """Ask for a line of the cache, to be read and kept in the second level; one that is not there does no harm."""
    anything = ir.IntType(8).as_pointer()
    fetch = builder.module.declare_intrinsic("llvm.prefetch", (anything,), ir.FunctionType(ir.VoidType(), [anything, PLACE, PLACE, PLACE]))
    builder.call(fetch, [builder.bitcast(first, anything), PLACE(0), PLACE(2), PLACE(1)])


def _mixed(builder: Any, one: Any, other: Any, places: tuple[int, ...]) -> Any:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(PLACE, len(places)), places))


@intrinsic
def turn(typingctx: Any, source: Any, stride: Any, m: Any, shifts: Any, target: Any, wide: Any) -> Any:
    """Four numbers of each of m rows, `stride` numbers apart, less four shifts, become four columns, `wide` numbers apart; m a multiple of four.

    `source` points to float64 or float32, `shifts` and `target` to float64.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, stride, m, shifts, target, wide = arguments
        less = [_some(builder, builder.gep(shifts, [WORD(pair)]), TWO) for pair in (0, 2)]
        less = [_mixed(builder, two, two, BOTH) for two in less]
        columns = [_moved(builder, target, wide, place) for place in range(4)]
        with cgutils.for_range_slice(builder, WORD(0), m, WORD(4)) as (start, _):
            rows = [builder.gep(source, [builder.mul(stride, builder.add(start, WORD(row)))]) for row in range(4)]
            for pair in (0, 2):
                a, b, c, d = (_some(builder, builder.gep(first, [WORD(pair)]), TWO) for first in rows)
                ac, bd = (builder.fsub(_mixed(builder, *halves, BOTH), less[pair // 2]) for halves in ((a, c), (b, d)))
                for place, places in enumerate((EVEN, ODD)):
                    to = builder.gep(columns[pair + place], [start])
                    _stored(builder, _mixed(builder, ac, bd, places), to)
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


@intrinsic
def block(typingctx: Any, left: Any, right: Any, wide: Any, m: Any, out: Any, apart: Any, soon: Any) -> Any:
    """out (4, 3), rows `apart` numbers apart, gains the inner products of four columns with three.

    Columns lie `wide` numbers apart. Their numbers are taken by fours: the first m, and up to three more. Meanwhile as many numbers from
    `soon` on are fetched from memory, which would else stand idle.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, wide, m, out, apart, soon = arguments
        lefts, rights = ([_moved(builder, first, wide, place) for place in range(many)] for first, many in ((left, TALL), (right, BROAD)))
        sums = [[cgutils.alloca_once_value(builder, ir.Constant(FOUR, [0.0] * 4)) for _ in rights] for _ in lefts]
        with cgutils.for_range_slice(builder, WORD(0), m, WORD(4)) as (start, _):
            _fetch(builder, builder.gep(soon, [start]))
            beside = [_some(builder, builder.gep(first, [start]), FOUR) for first in rights]
            for first, row in zip(lefts, sums, strict=True):
                above = _some(builder, builder.gep(first, [start]), FOUR)
                for values, held in zip(beside, row, strict=True):
                    product = builder.fmul(above, values, flags=FUSED)
                    builder.store(builder.fadd(builder.load(held), product, flags=FUSED), held)
        for place, row in enumerate(sums):
            for other, held in enumerate(row):
                to = builder.gep(_moved(builder, out, apart, place), [WORD(other)])
                builder.store(builder.fadd(builder.load(to), _added(builder, builder.load(held))), to)
        return context.get_dummy_value()

    return types.void(left, right, types.int64, types.int64, out, types.int64, soon), codegen


def _added(builder: Any, four: Any) -> Any:
    """The sum of a vector's four numbers."""
    two = builder.fadd(_mixed(builder, four, four, (0, 1)), _mixed(builder, four, four, (2, 3)))
    return builder.fadd(builder.extract_element(two, PLACE(0)), builder.extract_element(two, PLACE(1)))
