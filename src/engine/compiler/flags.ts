/**
 * V8's settings for regions. They hold for the whole process and can be changed while it runs:
 * - Inlining by feedback is off from the start: it needs what the baseline compiler saw of every function, and regions
 *   have no baseline code (V8 14 ends the process over that).
 * - Regions are compiled at once by the optimising compiler: they are hot by definition, and a function compiled lazily
 *   would hold its hart up. Everything else keeps the defaults: the interpreter optimised at once would take a second.
 * Without these settings everything works too, slower.
 */
import v8 from 'node:v8';

/** Must run before the interpreter of a machine with regions is compiled. */
export function prepareForRegions(): void {
  v8.setFlagsFromString('--no-wasm-inlining');
  v8.setFlagsFromString('--no-wasm-inlining-call-indirect');
}

/** Compiles a module with the optimising compiler. */
export function compileOptimised(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  v8.setFlagsFromString('--no-liftoff');
  v8.setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    v8.setFlagsFromString('--liftoff');
    v8.setFlagsFromString('--wasm-lazy-compilation');
  }
}
