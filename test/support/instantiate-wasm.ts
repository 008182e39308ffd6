/** The parts of the host's WebAssembly object that tests use; Node's types only name it. */
interface WasmHost {
  readonly Memory: new (limits: {initial: number; maximum: number; shared: boolean}) => object;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: {readonly env: {readonly memory: object}},
  ) => {readonly exports: Readonly<Record<string, unknown>>};
}

/** A function of i32, i64, f32 and f64 values, with any number of results. */
export type WasmFunction = (...args: readonly (number | bigint)[]) => unknown;

/** Instantiates a module that needs no more than a page of memory and returns its exported functions. */
export function instantiateWasm(bytes: Uint8Array): Readonly<Record<string, WasmFunction>> {
  const {WebAssembly: host} = globalThis as unknown as {WebAssembly: WasmHost};
  const memory = new host.Memory({initial: 1, maximum: 1, shared: true});
  const {exports} = new host.Instance(new host.Module(bytes), {env: {memory}});
  return exports as Readonly<Record<string, WasmFunction>>;
}
