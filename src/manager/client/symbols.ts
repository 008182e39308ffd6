/** Names for addresses of a guest. */

/** A name and how far behind its start an address lies. */
export interface SymbolPlace {
  readonly name: string;
  readonly offset: bigint;
}

/** The names of one file. */
export interface SymbolTable {
  readonly count: number;
  /** The name that covers an address, or undefined. */
  find(address: bigint): SymbolPlace | undefined;
}
