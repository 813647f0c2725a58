"""The two loops that decide the speed, written in vectors of four numbers, as compilers do not find them by themselves."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from summable.maths.compiled import intrinsic, numba, types

cgutils = numba.core.cgutils
WORD, PLACE, DOUBLE = ir.IntType(64), ir.IntType(32), ir.DoubleType()
FOUR, TWO = ir.VectorType(DOUBLE, 4), ir.VectorType(DOUBLE, 2)
BOTH, EVEN, ODD = (0, 1, 2, 3), (0, 4, 2, 6), (1, 5, 3, 7)  # of two vectors, the places that a third takes
TALL, BROAD = 4, 3  # of a block of products: its 12 sums and what they are fed from are the 16 registers of AVX2
FUSED = "contract", "reassoc"  # a product is added with one rounding where the machine can


def _moved(builder: Any, first: Any, step: Any, times: int = 1) -> Any:
    """A pointer some steps on."""
    return builder.gep(first, [builder.mul(step, WORD(times))])


def _two(builder: Any, first: Any) -> Any:
    """Two numbers, of float64 or float32."""
    held = builder.load(builder.bitcast(first, ir.VectorType(first.type.pointee, 2).as_pointer()), align=4)
    return held if held.type == TWO else builder.fpext(held, TWO)


def _four(builder: Any, first: Any) -> Any:
    """Four float64."""
    return builder.load(builder.bitcast(first, FOUR.as_pointer()), align=8)


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
        less = [_two(builder, builder.gep(shifts, [WORD(pair)])) for pair in (0, 2)]
        less = [_mixed(builder, two, two, BOTH) for two in less]
        columns = [_moved(builder, target, wide, place) for place in range(4)]
        with cgutils.for_range_slice(builder, WORD(0), m, WORD(4)) as (start, _):
            rows = [builder.gep(source, [builder.mul(stride, builder.add(start, WORD(row)))]) for row in range(4)]
            for pair in (0, 2):
                a, b, c, d = (_two(builder, builder.gep(first, [WORD(pair)])) for first in rows)
                ac, bd = (builder.fsub(_mixed(builder, *halves, BOTH), less[pair // 2]) for halves in ((a, c), (b, d)))
                for place, places in enumerate((EVEN, ODD)):
                    to = builder.gep(columns[pair + place], [start])
                    builder.store(_mixed(builder, ac, bd, places), builder.bitcast(to, FOUR.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(source, types.int64, types.int64, shifts, target, types.int64), codegen


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
            beside = [_four(builder, builder.gep(first, [start])) for first in rights]
            for first, row in zip(lefts, sums, strict=True):
                above = _four(builder, builder.gep(first, [start]))
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
