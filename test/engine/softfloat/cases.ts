/** The exact functions paired with the instructions that must agree with them. */

/** One function and its instruction. */
export interface Case {
  /** Name of the exact function. */
  readonly exact: string;
  readonly instruction: string;
  /** Where the operands come from and what they are. */
  readonly from: 'f32' | 'f64' | 'integer';
  readonly operands: 1 | 2 | 3;
  readonly to: 'f32' | 'f64' | 'i32' | 'i64';
  readonly takesRounding: boolean;
}

const formats = [
  {name: 'f32', suffix: 's'},
  {name: 'f64', suffix: 'd'},
] as const;
const integers = [
  {name: 'I32', suffix: 'w', type: 'i32'},
  {name: 'U32', suffix: 'wu', type: 'i32'},
  {name: 'I64', suffix: 'l', type: 'i64'},
  {name: 'U64', suffix: 'lu', type: 'i64'},
] as const;

/** All of them, in RISC-V's rounding modes where they round. */
export const cases: readonly Case[] = [
  ...formats.flatMap(({name, suffix}): Case[] => {
    const same = {from: name, to: name} as const;
    const operation = (exact: string, instruction: string, operands: 1 | 2 | 3, takesRounding: boolean): Case => ({
      exact: name + exact,
      instruction: `${instruction}.${suffix}`,
      operands,
      takesRounding,
      ...same,
    });
    return [
      operation('Add', 'fadd', 2, true),
      operation('Sub', 'fsub', 2, true),
      operation('Mul', 'fmul', 2, true),
      operation('Div', 'fdiv', 2, true),
      operation('Sqrt', 'fsqrt', 1, true),
      operation('MulAdd', 'fmadd', 3, true),
      operation('Min', 'fmin', 2, false),
      operation('Max', 'fmax', 2, false),
      {...operation('Eq', 'feq', 2, false), to: 'i32'},
      {...operation('Lt', 'flt', 2, false), to: 'i32'},
      {...operation('Le', 'fle', 2, false), to: 'i32'},
    ];
  }),
  ...formats.flatMap((format) =>
    integers.flatMap((integer): Case[] => [
      {
        exact: `${format.name}To${integer.name}`,
        instruction: `fcvt.${integer.suffix}.${format.suffix}`,
        from: format.name,
        operands: 1,
        to: integer.type,
        takesRounding: true,
      },
      {
        exact: `${format.name}From${integer.name}`,
        instruction: `fcvt.${format.suffix}.${integer.suffix}`,
        from: 'integer',
        operands: 1,
        to: format.name,
        takesRounding: true,
      },
    ]),
  ),
  {exact: 'f32ToF64', instruction: 'fcvt.d.s', from: 'f32', operands: 1, to: 'f64', takesRounding: true},
  {exact: 'f64ToF32', instruction: 'fcvt.s.d', from: 'f64', operands: 1, to: 'f32', takesRounding: true},
];

/** All floating-point instructions on registers: the exact functions' cases, and what has none: the other fused forms, sign injection, classes and moves. */
export const instructionCases: readonly Case[] = [
  ...cases,
  ...(['f32', 'f64'] as const).flatMap((name): Case[] => {
    const suffix = name === 'f32' ? 's' : 'd';
    const plain = {exact: '', from: name, to: name, takesRounding: false} as const;
    return [
      ...['fmsub', 'fnmsub', 'fnmadd'].map(
        (base): Case => ({...plain, instruction: `${base}.${suffix}`, operands: 3, takesRounding: true}),
      ),
      ...['fsgnj', 'fsgnjn', 'fsgnjx'].map((base): Case => ({...plain, instruction: `${base}.${suffix}`, operands: 2})),
      {...plain, instruction: `fclass.${suffix}`, operands: 1, to: 'i64'},
      {...plain, instruction: name === 'f32' ? 'fmv.x.w' : 'fmv.x.d', operands: 1, to: 'i64'},
      {...plain, instruction: name === 'f32' ? 'fmv.w.x' : 'fmv.d.x', operands: 1, from: 'integer'},
    ];
  }),
];
