/** The kernels of `viv bench`: small loops of different character. */
import type {Code, D, Kernel, X} from './code.js';

/** 2^64 divided by the golden ratio: spreads bits. */
const SPREAD = 0x9e3779b97f4a7c15n;

/** Dependent 64-bit arithmetic and nothing else. */
const hash: Kernel = {
  name: 'hash',
  kind: 'integer',
  title: 'shifts and multiplies',
  emit(c) {
    const [state, sum, spread, turns, shifted, zero] = variables(c, 6);
    c.set(state, 88172645463325252n);
    c.set(sum, 0);
    c.set(spread, SPREAD);
    c.set(turns, 100_000);
    c.set(zero, 0);
    c.repeatWhile('ne', turns, zero, () => {
      for (const [shift, by] of [
        ['sll', 13],
        ['srl', 7],
        ['sll', 17],
      ] as const) {
        c.op(shift, shifted, state, by);
        c.op('xor', state, state, shifted);
      }
      c.op('xor', sum, sum, state);
      c.op('mul', sum, sum, spread);
      c.op('sub', turns, turns, 1);
    });
    return sum;
  },
};

const SIEVE_BYTES = 1 << 17;

/** Byte stores with growing strides, and a branch that is hard to foresee. */
const sieve: Kernel = {
  name: 'sieve',
  kind: 'integer',
  title: 'byte stores and branches',
  emit(c) {
    const [base, end, at, one, zero, flag, number, count, size] = variables(c, 9);
    c.memory(base);
    c.set(one, 1);
    c.set(zero, 0);
    c.set(count, 0);
    c.set(size, SIEVE_BYTES);
    c.op('add', end, base, size);
    c.copy(at, base);
    c.repeatWhile('ltu', at, end, () => {
      c.store(1, one, at);
      c.op('add', at, at, 1);
    });
    c.set(number, 2);
    c.repeatWhile('lt', number, size, () => {
      c.op('add', at, base, number);
      c.load(1, flag, at);
      c.when('ne', flag, zero, () => {
        c.op('add', count, count, 1);
        c.loop((leave) => {
          c.op('add', at, at, number);
          leave('geu', at, end);
          c.store(1, zero, at);
        });
      });
      c.op('add', number, number, 1);
    });
    return count;
  },
};

const SORTED = 4096;

/** Shellsort of 8-byte numbers: loads, stores and comparisons. */
const sort: Kernel = {
  name: 'sort',
  kind: 'integer',
  title: 'comparisons and moves',
  emit(c) {
    const [base, end, at, to, from, value, other, gap, first, zero, sum] = variables(c, 11);
    c.memory(base);
    c.set(end, SORTED * 8);
    c.op('add', end, base, end);
    c.set(zero, 0);
    fillRandom(c, base, end);
    c.set(gap, SORTED * 4);
    c.repeatWhile('ne', gap, zero, () => {
      c.op('add', first, base, gap);
      c.copy(at, first);
      c.repeatWhile('ltu', at, end, () => {
        c.load(8, value, at);
        c.copy(to, at);
        c.loop((leave) => {
          leave('ltu', to, first);
          c.op('sub', from, to, gap);
          c.load(8, other, from);
          leave('geu', value, other);
          c.store(8, other, to);
          c.copy(to, from);
        });
        c.store(8, value, to);
        c.op('add', at, at, 8);
      });
      c.op('srl', gap, gap, 1);
      c.op('and', gap, gap, -8);
    });
    // The sum of x[i] · i changes when anything is out of place.
    c.set(sum, 0);
    c.set(gap, 0);
    c.copy(at, base);
    c.repeatWhile('ltu', at, end, () => {
      c.load(8, value, at);
      c.op('add', gap, gap, 1);
      c.op('mul', value, value, gap);
      c.op('add', sum, sum, value);
      c.op('add', at, at, 8);
    });
    return sum;
  },
};

/** Fills memory with numbers from a linear congruence. */
function fillRandom(c: Code, base: X, end: X): void {
  const [at, state, factor] = variables(c, 3);
  c.set(factor, 6364136223846793005n);
  c.set(state, 1);
  c.copy(at, base);
  c.repeatWhile('ltu', at, end, () => {
    c.op('mul', state, state, factor);
    c.op('add', state, state, 1013);
    c.store(8, state, at);
    c.op('add', at, at, 8);
  });
}

const NODES = 4096;

/** A walk over a linked list: each load waits for the one before. */
const list: Kernel = {
  name: 'list',
  kind: 'integer',
  title: 'pointer chasing',
  emit(c) {
    const [base, end, at, next, sum, index, turns, zero, value, step] = variables(c, 10);
    c.memory(base);
    c.set(end, NODES * 16);
    c.op('add', end, base, end);
    c.set(index, 0);
    c.set(step, 1237);
    c.copy(at, base);
    c.repeatWhile('ltu', at, end, () => {
      // Node i points to node (1237 · i + 1) mod 4096: one cycle through all of them.
      c.op('mul', next, index, step);
      c.op('add', next, next, 1);
      c.op('sll', next, next, 52);
      c.op('srl', next, next, 48);
      c.op('add', next, base, next);
      c.store(8, next, at);
      c.store(8, index, at, 8);
      c.op('add', index, index, 1);
      c.op('add', at, at, 16);
    });
    c.set(zero, 0);
    c.set(sum, 0);
    c.set(turns, 100_000);
    c.copy(at, base);
    c.repeatWhile('ne', turns, zero, () => {
      c.load(8, value, at, 8);
      c.op('add', sum, sum, value);
      c.load(8, at, at);
      c.op('sub', turns, turns, 1);
    });
    return sum;
  },
};

const ORDER = 48;

/** A product of two matrices of doubles. */
const matrix: Kernel = {
  name: 'matrix',
  kind: 'floating-point',
  title: 'matrix product',
  emit(c) {
    const [base, end, rowBytes, row, column, left, right, rowEnd, areaBytes, result, bits, index] = variables(c, 12);
    const [product, sum, x, y] = doubles(c, 4);
    c.memory(base);
    c.set(rowBytes, ORDER * 8);
    c.set(areaBytes, ORDER * ORDER * 8);
    // Both factors, one behind the other: element i is i / 64.
    c.op('add', end, base, areaBytes);
    c.op('add', end, end, areaBytes);
    c.setD(y, 1 / 64);
    c.set(index, 0);
    c.copy(left, base);
    c.repeatWhile('ltu', left, end, () => {
      c.toDouble(x, index);
      c.opD('fmul.d', x, x, y);
      c.storeD(x, left);
      c.op('add', index, index, 1);
      c.op('add', left, left, 8);
    });
    c.set(result, 0);
    c.copy(row, base);
    c.op('add', end, base, areaBytes);
    c.repeatWhile('ltu', row, end, () => {
      c.op('add', rowEnd, row, rowBytes);
      c.copy(column, end);
      c.op('add', index, end, rowBytes);
      c.repeatWhile('ltu', column, index, () => {
        c.copy(left, row);
        c.copy(right, column);
        c.setD(sum, 0);
        c.repeatWhile('ltu', left, rowEnd, () => {
          c.loadD(x, left);
          c.loadD(y, right);
          c.opD('fmul.d', product, x, y);
          c.opD('fadd.d', sum, sum, product);
          c.op('add', left, left, 8);
          c.op('add', right, right, rowBytes);
        });
        c.bitsOf(bits, sum);
        c.op('xor', result, result, bits);
        c.op('add', column, column, 8);
      });
      c.copy(row, rowEnd);
    });
    return result;
  },
};

const SIDE = 48;
const MOST_TURNS = 100;

/** The Mandelbrot set on a small grid: short dependent chains and an early exit. */
const mandelbrot: Kernel = {
  name: 'mandelbrot',
  kind: 'floating-point',
  title: 'dependent products',
  emit(c) {
    const [x, y, side, turns, most, total, isInside, zero] = variables(c, 8);
    const [cr, ci, zr, zi, r2, i2, size, four, step, half] = doubles(c, 10);
    c.set(side, SIDE);
    c.set(most, MOST_TURNS);
    c.set(total, 0);
    c.set(zero, 0);
    c.setD(four, 4);
    c.setD(half, 1.5);
    c.setD(step, 3 / SIDE);
    c.set(y, 0);
    c.repeatWhile('lt', y, side, () => {
      c.toDouble(ci, y);
      c.opD('fmul.d', ci, ci, step);
      c.opD('fsub.d', ci, ci, half);
      c.set(x, 0);
      c.repeatWhile('lt', x, side, () => {
        c.toDouble(cr, x);
        c.opD('fmul.d', cr, cr, step);
        c.opD('fsub.d', cr, cr, half);
        c.opD('fsub.d', zr, cr, cr);
        c.opD('fsub.d', zi, ci, ci);
        c.set(turns, 0);
        c.repeatWhile('lt', turns, most, (leave) => {
          c.opD('fmul.d', r2, zr, zr);
          c.opD('fmul.d', i2, zi, zi);
          c.opD('fadd.d', size, r2, i2);
          c.lessOrEqual(isInside, size, four);
          leave('eq', isInside, zero);
          c.opD('fmul.d', zi, zr, zi);
          c.opD('fadd.d', zi, zi, zi);
          c.opD('fadd.d', zi, zi, ci);
          c.opD('fsub.d', zr, r2, i2);
          c.opD('fadd.d', zr, zr, cr);
          c.op('add', turns, turns, 1);
        });
        c.op('add', total, total, turns);
        c.op('add', x, x, 1);
      });
      c.op('add', y, y, 1);
    });
    return total;
  },
};

function variables(c: Code, count: number): readonly X[] {
  return Array.from({length: count}, () => c.x());
}

function doubles(c: Code, count: number): readonly D[] {
  return Array.from({length: count}, () => c.d());
}

/** All kernels, integer ones first. */
export const kernels: readonly Kernel[] = [hash, sieve, sort, list, matrix, mandelbrot];
